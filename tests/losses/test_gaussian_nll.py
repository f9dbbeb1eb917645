"""`GaussianNLL`: its bound, its beta, single missing entries."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import ops
from keras_multiloss.losses import GaussianNLL
from tests.losses.gradients import gradients
from tests.losses.messages import exactly

RNG = np.random.default_rng(8)
LABEL, MEAN, LOG_VARIANCE = RNG.normal(size=(3, 4, 2)).astype("float32")


def values(loss, label, mean, log_variance):
    tensors = [ops.convert_to_tensor(np.array(x, "float32")) for x in (label, mean, log_variance)]
    return ops.convert_to_numpy(loss.call(tensors[0], tuple(tensors[1:])))


def gradients_of(loss):
    label = ops.convert_to_tensor(LABEL)
    return gradients(lambda *pair: ops.sum(loss.call(label, pair)), (MEAN, LOG_VARIANCE))


def test_the_best_log_variance_is_that_of_the_error():
    log_variances = np.linspace(-4, 4, 801).reshape(-1, 1)
    errors = np.full_like(log_variances, 1.5)
    best = np.argmin(values(GaussianNLL(), errors, 0 * errors, log_variances))
    # The grid has steps of 0.01.
    assert log_variances[best, 0] == pytest.approx(np.log(1.5**2), abs=0.01)


@pytest.mark.parametrize("beta", [0.5, 1.0])
def test_beta_multiplies_values_and_gradients_by_a_power_of_the_variance(beta):
    factor = np.exp(beta * LOG_VARIANCE)
    # Float32, and the exponential of numbers near 1.
    close = {"rtol": 1e-5, "atol": 1e-6}
    plain = values(GaussianNLL(), LABEL, MEAN, LOG_VARIANCE)
    scaled = values(GaussianNLL(beta=beta), LABEL, MEAN, LOG_VARIANCE)
    np.testing.assert_allclose(scaled, factor * plain, **close)
    for found, without in zip(
        gradients_of(GaussianNLL(beta=beta)), gradients_of(GaussianNLL()), strict=True
    ):
        np.testing.assert_allclose(found, factor * without, **close)


def test_with_beta_one_the_mean_learns_as_by_the_squared_error():
    np.testing.assert_allclose(gradients_of(GaussianNLL(beta=1.0))[0], MEAN - LABEL, rtol=1e-5)


def test_below_the_bound_values_and_gradients_are_those_at_the_bound():
    loss = GaussianNLL(min_log_variance=-2.0)
    assert values(loss, [[1.0]], [[0.0]], [[-9.0]]) == values(loss, [[1.0]], [[0.0]], [[-2.0]])
    label = ops.convert_to_tensor([[1.0]])
    below, at_bound = (
        gradients(lambda s: ops.sum(loss.call(label, (0 * s, s))), (np.array([[s]]),))[0]
        for s in (-9.0, -2.0)
    )
    assert below == at_bound
    assert below < 0  # and so the output comes back


def test_single_missing_entries_are_left_out():
    label = LABEL.copy()
    label[0, 1] = np.nan
    term = kml.LossTerm(GaussianNLL(), ["mean", "log_variance"], "label", mask="nan")
    total = kml.WeightedSumLoss([term])
    found = float(total({"label": label}, {"mean": MEAN, "log_variance": LOG_VARIANCE}))
    entries = values(GaussianNLL(), LABEL, MEAN, LOG_VARIANCE).ravel()
    assert found == pytest.approx(np.delete(entries, 1).mean(), rel=1e-6)


def test_a_label_of_another_shape_is_refused():
    message = exactly(
        "GaussianNLL: the label does not have the shape of the output.",
        "  Expected: a label of shape (4, 2)",
        "  Received: shape (4, 3)",
    )
    with pytest.raises(ValueError, match=message):
        GaussianNLL()(np.ones((4, 3)), (MEAN, LOG_VARIANCE))


def test_a_beta_out_of_range_is_refused():
    message = exactly(
        "GaussianNLL: `beta` is out of range.",
        "  Expected: a number from 0 to 1",
        "  Received: 1.5",
    )
    with pytest.raises(ValueError, match=message):
        GaussianNLL(beta=1.5)


@pytest.mark.parametrize("log_variance", [-21.0, -1e9, -3e38])
def test_the_bound_holds_however_far_below_it_an_output_is(log_variance):
    loss, column = GaussianNLL(min_log_variance=-20.0), np.zeros((1, 1))
    found = values(loss, column, column, np.full((1, 1), log_variance))
    np.testing.assert_array_equal(found, values(loss, column, column, np.full((1, 1), -20.0)))
