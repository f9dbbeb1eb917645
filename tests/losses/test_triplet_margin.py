"""`TripletMarginLoss`: distances, and gradients at distance zero."""

import numpy as np
import pytest

from keras_multiloss._platform import ops
from keras_multiloss.losses import TripletMarginLoss
from tests.losses.gradients import gradients

ANCHOR = np.array([[1.0, 0.0]])


def loss_of(anchor, positive, negative, **arguments):
    return float(TripletMarginLoss(**arguments)(None, (anchor, positive, negative)))


def test_a_negative_beyond_the_margin_costs_nothing():
    assert loss_of(ANCHOR, ANCHOR, ANCHOR + 5.0) == 0.0


def test_each_distance_is_the_one_it_is_called():
    near, far = np.array([[1.0, 1.0]]), np.array([[0.0, 0.0]])
    assert loss_of(ANCHOR, near, ANCHOR, margin=0.0, distance="euclidean") == 1.0
    assert loss_of(ANCHOR, far + 3.0, ANCHOR, margin=0.0, distance="squared_euclidean") == 13.0
    assert loss_of(ANCHOR, -ANCHOR, ANCHOR, margin=0.0, distance="cosine") == pytest.approx(2.0)


def test_swap_takes_the_distance_from_the_positive_where_it_is_smaller():
    positive, negative = np.array([[1.0, 3.0]]), np.array([[1.0, 4.0]])
    assert loss_of(ANCHOR, positive, negative) == 0.0
    assert loss_of(ANCHOR, positive, negative, swap=True) == 3.0  # 3 - 1 + 1


@pytest.mark.parametrize("distance", ["euclidean", "squared_euclidean", "cosine"])
def test_three_equal_outputs_have_finite_gradients(distance):
    loss = TripletMarginLoss(distance=distance)
    found = gradients(lambda *x: ops.sum(loss.call(None, x)), (ANCHOR, ANCHOR, ANCHOR))
    # All three gradients cancel but for rounding: the positive and the negative are one point.
    np.testing.assert_allclose(sum(found), np.zeros((1, 2)), atol=1e-6)


def test_an_unknown_distance_lists_those_there_are():
    with pytest.raises(ValueError, match="did you mean 'euclidean'"):
        TripletMarginLoss(distance="euclid")
