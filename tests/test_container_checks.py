"""Lists and dicts: what passes for one, and where arguments of another kind are told."""

import pytest

import keras_multiloss as kml
from keras_multiloss._container_checks import check_is_dict, check_is_list


@pytest.mark.parametrize("value", [["a", "b"], ("a", "b"), {"a": 1, "b": 2}.keys()])
def test_what_can_be_listed_becomes_a_list(value):
    assert check_is_list("here", "names", value) == ["a", "b"]


@pytest.mark.parametrize("value", ["ab", {"a": 1}, 3, None])
def test_other_things_are_no_lists(value):
    with pytest.raises(TypeError, match="here: `names` must be a list"):
        check_is_list("here", "names", value)


def test_none_is_an_empty_dict_and_a_list_is_none():
    assert check_is_dict("here", "shares", None) == {}
    assert check_is_dict("here", "shares", {"a": 1}) == {"a": 1}
    with pytest.raises(TypeError, match="here: `shares` must be a dict"):
        check_is_dict("here", "shares", ["a"])


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: kml.GradientBalancer("age"), "`tasks` must be a list"),
        (lambda: kml.GradientBalancer(3), "`tasks` must be a list"),
        (lambda: kml.losses.NonCrossingQuantileLoss(0.5), "`quantiles` must be a list"),
        (
            lambda: kml.weighting.SmoothTchebycheffWeighting(preferences=[1, 2]),
            "`preferences` must be a dict",
        ),
        (
            lambda: kml.losses.ConsistencyLoss(divergence="kl", from_logits="yes"),
            "`from_logits` must be True or False",
        ),
        (
            lambda: kml.losses.ProductBinaryCrossentropy(from_logits=None),
            "`from_logits` must be True or False",
        ),
        (
            lambda: kml.losses.DeepSupervisionLoss.from_config({}),
            "the config has no 'loss'",
        ),
    ],
)
def test_arguments_of_another_kind_are_told(make, problem):
    with pytest.raises((TypeError, ValueError), match=problem):
        make()
