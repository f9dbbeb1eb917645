"""The terms of a sum by name."""

import pytest

import keras_multiloss as kml

LOSS = kml.LossTerm("mse", "age") + 2.0 * kml.LossTerm("mae", "age") + kml.LossTerm("mse", "sex")
NAMES = ["age_mean_squared_error", "age_mean_absolute_error", "sex"]


def test_a_sum_is_a_mapping_from_names_to_terms():
    assert LOSS.names == NAMES
    assert list(LOSS) == NAMES
    assert len(LOSS) == 3
    assert "sex" in LOSS
    assert "age" not in LOSS
    assert LOSS["age_mean_absolute_error"].weight == 2.0
    assert dict(zip(LOSS, LOSS.terms, strict=True))["sex"] is LOSS["sex"]


def test_a_term_is_left_out_and_the_others_keep_their_names():
    assert LOSS.without(NAMES[0]).names == NAMES[1:]
    assert LOSS.without(NAMES[1], "sex").names == NAMES[:1]
    assert len(LOSS) == 3


def test_arguments_of_a_term_are_replaced():
    changed = LOSS.replace("sex", weight=0.25, mask=-1)
    assert changed.names == NAMES
    assert (changed["sex"].weight, changed["sex"].mask) == (0.25, -1.0)
    assert changed[NAMES[1]].weight == 2.0
    assert LOSS["sex"].weight == 1.0


def test_the_weighting_and_the_name_of_the_sum_are_kept():
    loss = kml.WeightedSumLoss(LOSS.terms, weighting="famo", name="mine")
    for other in (loss.without("sex"), loss.replace("sex", required=False)):
        assert other.weighting is loss.weighting
        assert other.name == "mine"


def test_names_that_are_not_there_are_told():
    for ask in (lambda: LOSS["sexx"], lambda: LOSS.without("sexx"), lambda: LOSS.replace("sexx")):
        with pytest.raises(ValueError, match=r"(?s)no such term.*did you mean 'sex'\?"):
            ask()


def test_the_last_term_cannot_be_left_out():
    with pytest.raises(ValueError, match="there are no terms"):
        LOSS.without(*NAMES)


def test_an_unknown_argument_of_a_term_is_refused():
    with pytest.raises(TypeError, match="wieght"):
        LOSS.replace("sex", wieght=2.0)
