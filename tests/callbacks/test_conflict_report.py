"""`ConflictMonitor.summary`: what it says, as text."""

import numpy as np
import pytest

from keras_multiloss.callbacks._conflict_report import summary
from tests.callbacks.monitored import labels, monitored


def gramians(cosines, norms=(1.0, 1.0)):
    """Of two tasks, one for each cosine."""
    a, b = norms
    return np.array([[[a * a, a * b * c], [a * b * c, b * b]] for c in cosines], "float32")


def test_gradients_that_agree_need_no_more_than_plain_weights():
    assert summary(["a", "b"], gramians([0.5] * 12, norms=(1.0, 3.1))) == (
        "Plain weights are enough: no pair had a cosine below -0.1 in more than 5% of 12 "
        "measurements, and the lengths of the gradients differ by at most 3.1x."
    )


def test_gradients_of_different_scale_need_weights_first():
    assert summary(["a", "b"], gramians([-0.9] * 3, norms=(1.0, 120.0))) == (
        "Weights that bring the losses to one scale come first: the gradient of 'b' is 120x as "
        "long as that of 'a' (medians of 3 measurements). Set them and measure again."
    )


def test_gradients_that_conflict_may_need_balancing():
    assert summary(["a", "b"], gramians([-0.5] * 10 + [0.5] * 2)) == (
        "Gradient balancing may help: 'a' and 'b' had a cosine below -0.1 in 83% of 12 "
        "measurements. Compare it with tuned weights."
    )


def test_the_worst_pair_is_named_and_the_others_are_counted():
    angles = np.deg2rad([0.0, 100.0, 260.0])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    aligned = np.deg2rad([0.0, 100.0, 240.0])
    others = np.stack([np.cos(aligned * [1, 0, 1]), np.sin(aligned * [1, 0, 1])], axis=1)
    found = summary(["a", "b", "c"], np.stack([vectors @ vectors.T, others @ others.T]))
    assert "'a' and 'c' had a cosine below -0.1 in 100% of 2 measurements" in found
    assert "and 2 other pairs" in found


@pytest.mark.parametrize(
    ("cosine", "share", "verdict"),
    [
        (-0.09, 1.0, "Plain weights are enough"),
        (-0.11, 1.0, "Gradient balancing may help"),
        (-0.11, 0.05, "Plain weights are enough"),
        (-0.11, 0.10, "Gradient balancing may help"),
    ],
)
def test_the_verdict_turns_at_its_thresholds(cosine, share, verdict):
    n_conflicts = round(20 * share)
    found = summary(["a", "b"], gramians([cosine] * n_conflicts + [0.3] * (20 - n_conflicts)))
    assert found.startswith(verdict)


@pytest.mark.parametrize(("ratio", "verdict"), [(9.9, "Plain"), (10.1, "Weights that bring")])
def test_the_verdict_turns_at_a_ratio_of_ten(ratio, verdict):
    assert summary(["a", "b"], gramians([0.0], norms=(1.0, ratio))).startswith(verdict)


def test_one_measurement_that_is_off_does_not_decide():
    usual, off = gramians([0.2] * 4), gramians([0.2], norms=(1.0, 1e4))
    assert summary(["a", "b"], np.concatenate([usual, off])).startswith("Plain")


def test_measurements_that_are_not_finite_do_not_decide():
    broken = np.full((1, 2, 2), np.nan, "float32")
    found = summary(["a", "b"], np.concatenate([gramians([-0.5] * 3), broken]))
    assert "100%" in found


@pytest.mark.parametrize("norms", [(1.0, 0.0), (0.0, 0.0), (np.nan, np.nan)])
def test_without_two_gradients_there_is_nothing_to_balance(norms):
    assert summary(["a", "b"], gramians([0.0], norms=norms)) == (
        "Nothing to balance: no two tasks have gradients at parameters that they share."
    )


def test_the_monitor_says_it():
    monitor, _ = monitored(labels([1, 0], [-1, 0]))
    assert monitor.summary().startswith("Gradient balancing may help: 'a' and 'b'")
