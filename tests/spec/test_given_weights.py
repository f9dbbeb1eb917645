"""Which weights are constant, which move, and which terms count at all."""

import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras, ops

RAMP = keras.optimizers.schedules.PolynomialDecay(0.0, 4, 1.0)


def loss(weighting=None):
    terms = [
        kml.LossTerm("mse", "a", weight=0.5),
        kml.LossTerm("mse", "b", weight=0.0),
        kml.LossTerm("mse", "c", weight=RAMP),
    ]
    return kml.WeightedSumLoss(terms, weighting=weighting)


def test_constants_and_schedules_are_told_apart():
    given = loss().given_weights
    assert given.constant == {"a": 0.5, "b": 0.0}
    assert list(given.schedules) == ["c"]
    assert float(given.scheduled_at(2)["c"]) == 0.5


@pytest.mark.parametrize(("weighting", "moving"), [(None, ["c"]), ("famo", ["a", "b", "c"])])
def test_a_weighting_moves_all_weights(weighting, moving):
    assert loss(weighting).moving_names == moving
    assert loss(weighting).is_moving


def test_terms_of_constant_weight_zero_do_not_count_unless_weights_are_assigned():
    assert loss().given_weights.active == ["a", "c"]
    assert loss("famo").given_weights.active == ["a", "c"]
    assert loss("static").given_weights.active == ["a", "b", "c"]


def test_the_vector_has_the_weights_of_the_terms_that_are_asked_for():
    given = loss().given_weights
    assert ops.convert_to_numpy(given.vector(["b", "a"], {})).tolist() == [0.0, 0.5]
    moving = given.scheduled_at(1)
    assert ops.convert_to_numpy(given.vector(["c", "a"], moving)).tolist() == [0.25, 0.5]
