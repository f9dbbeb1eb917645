"""`OrderingLoss` and `NonCrossingQuantileLoss`: orders and quantiles."""

import numpy as np
import pytest

from keras_multiloss._platform import ops
from keras_multiloss.losses import NonCrossingQuantileLoss, OrderingLoss
from tests.losses.messages import exactly


def column(*numbers):
    return np.array(numbers, "float32").reshape(-1, 1)


def test_outputs_in_order_cost_nothing():
    assert float(OrderingLoss()(None, (column(1, 5), column(1, 6), column(3, 7)))) == 0.0


def test_the_margin_is_the_least_step():
    outputs = (column(1.0), column(1.5))
    assert float(OrderingLoss(margin=0.5)(None, outputs)) == 0.0
    assert float(OrderingLoss(margin=0.75)(None, outputs)) == 0.25


def test_a_violation_pulls_its_two_neighbours_together():
    from tests.losses.gradients import gradients

    outputs = (column(2.0), column(1.0), column(3.0))
    found = gradients(lambda *x: ops.sum(OrderingLoss().call(None, x)), outputs)
    assert [float(g[0, 0]) for g in found] == [0.5, -0.5, 0.0]


def test_a_negative_margin_is_refused():
    message = exactly(
        "OrderingLoss: `margin` must be 0 or more.",
        "  Expected: a number of at least 0",
        "  Received: -1.0",
    )
    with pytest.raises(ValueError, match=message):
        OrderingLoss(margin=-1.0)


def test_the_least_loss_is_at_the_quantiles_of_the_labels():
    labels = np.random.default_rng(2).exponential(size=(400, 1)).astype("float32")
    loss = NonCrossingQuantileLoss([0.2, 0.8])
    grid = np.linspace(0, 3, 301)

    def best(place):
        quantiles = list(np.quantile(labels, [0.2, 0.8]))

        def cost(value):
            quantiles[place] = value
            return float(loss(labels, tuple(np.full_like(labels, q) for q in quantiles)))

        return grid[np.argmin([cost(value) for value in grid])]

    # The grid has steps of 0.01, and so have neighbouring labels here.
    assert best(0) == pytest.approx(np.quantile(labels, 0.2), abs=0.02)
    assert best(1) == pytest.approx(np.quantile(labels, 0.8), abs=0.02)


def test_without_a_penalty_it_is_the_mean_pinball_loss():
    label, low, high = column(1.0, 4.0), column(0.0, 5.0), column(3.0, 3.0)
    loss = NonCrossingQuantileLoss([0.1, 0.5], crossing_weight=0.0)
    by_hand = np.mean([(0.1 * 1 + 0.5 * 2) / 2, (0.9 * 1 + 0.5 * 1) / 2])
    assert float(loss(label, (low, high))) == pytest.approx(by_hand, rel=1e-6)


@pytest.mark.parametrize("quantiles", [[0.9, 0.1], [0.5], [0.0, 0.5], [0.5, 0.5], [0.5, 1.0]])
def test_quantiles_that_do_not_rise_are_refused(quantiles):
    message = exactly(
        "NonCrossingQuantileLoss: `quantiles` do not increase between 0 and 1.",
        "  Expected: two or more numbers between 0 and 1, each above the one before it",
        f"  Received: {quantiles}",
    )
    with pytest.raises(ValueError, match=message):
        NonCrossingQuantileLoss(quantiles)


def test_there_is_one_output_for_each_quantile():
    message = exactly(
        "NonCrossingQuantileLoss: `quantiles` does not fit the outputs.",
        "  Expected: one quantile for each of 2 outputs",
        "  Received: quantiles=[0.1, 0.5, 0.9]",
    )
    with pytest.raises(ValueError, match=message):
        NonCrossingQuantileLoss([0.1, 0.5, 0.9])(column(1.0), (column(1.0), column(1.0)))
