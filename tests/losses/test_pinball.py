"""`PinballLoss`: hand values, and the quantile that it is least at."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import ops
from keras_multiloss.losses._pinball import PinballLoss, pinball_loss
from tests.losses.gradients import gradients
from tests.losses.messages import exactly

RNG = np.random.default_rng(1)
LABELS, OUTPUTS = RNG.normal(size=(2, 6, 3))


def tensor(array):
    return ops.convert_to_tensor(np.asarray(array, "float32"))


def values(label, output, tau):
    return ops.convert_to_numpy(pinball_loss(tensor(label), tensor(output), tau))


@pytest.mark.parametrize(
    ("tau", "low", "high"), [(0.0, 0.0, 2.0), (0.1, 0.2, 1.8), (0.5, 1.0, 1.0), (1.0, 2.0, 0.0)]
)
def test_two_too_low_and_two_too_high_by_hand(tau, low, high):
    assert values([[5.0]], [[3.0]], tau) == pytest.approx(low)
    assert values([[5.0]], [[7.0]], tau) == pytest.approx(high)


@pytest.mark.parametrize("tau", [0.05, 0.5, 0.9])
def test_the_best_constant_is_the_quantile_of_the_labels(tau):
    labels = RNG.exponential(size=1001)
    candidates = np.linspace(0, 4, 401)
    losses = [
        float(np.mean(values(labels[:, None], labels[:, None] * 0 + c, tau))) for c in candidates
    ]
    # To the step of the candidates, 0.01.
    assert candidates[np.argmin(losses)] == pytest.approx(np.quantile(labels, tau), abs=0.011)


def test_half_is_half_the_absolute_error():
    np.testing.assert_allclose(
        values(LABELS, OUTPUTS, 0.5), np.abs(LABELS - OUTPUTS).mean(-1) / 2, rtol=1e-6
    )


def test_the_gradient_is_minus_tau_below_the_label_and_its_complement_above():
    found = gradients(lambda output: ops.sum(pinball_loss(tensor(LABELS), output, 0.2)), (OUTPUTS,))
    np.testing.assert_allclose(found[0], np.where(OUTPUTS < LABELS, -0.2, 0.8) / 3, rtol=1e-6)


def test_a_tensor_has_a_quantile_for_each_column():
    tau = np.array([0.1, 0.5, 0.9])
    error = LABELS - OUTPUTS
    expected = np.where(error > 0, tau * error, (tau - 1) * error).mean(-1)
    np.testing.assert_allclose(values(LABELS, OUTPUTS, tensor(tau)), expected, rtol=1e-6)


def test_half_precision_is_computed_in_float32():
    # The mean of 2048 numbers near 60: their sum, 122880, is infinite in float16.
    label, output = tensor(np.full((1, 2048), 120.0)), tensor(np.zeros((1, 2048)))
    found = pinball_loss(ops.cast(label, "float16"), ops.cast(output, "float16"))
    assert "float16" in str(found.dtype)
    assert float(found[0]) == 60.0


def test_an_object_aligns_columns():
    label, output = np.array([1.0, 2.0]), np.array([[1.0], [4.0]])
    assert float(PinballLoss(tau=0.25)(label, output)) == pytest.approx(0.75)
    found = PinballLoss(tau=0.25, reduction="none")(label, output)
    assert ops.convert_to_numpy(found).tolist() == [0.0, 1.5]


def test_an_object_refuses_what_would_broadcast():
    message = exactly(
        "PinballLoss: the label does not have the shape of the output.",
        "  Expected: a label of shape (2, 3)",
        "  Received: shape (1, 3)",
    )
    with pytest.raises(ValueError, match=message):
        PinballLoss()(np.ones((1, 3)), np.ones((2, 3)))


def test_missing_entries_are_left_out_of_a_term():
    label = LABELS.astype("float32")
    label[0, 1] = np.nan
    label[3] = np.nan
    loss = kml.WeightedSumLoss([kml.LossTerm(PinballLoss(tau=0.3), "y", mask="nan")])
    error = LABELS - OUTPUTS
    entries = np.where(error > 0, 0.3 * error, -0.7 * error)[~np.isnan(label)]
    found = float(loss({"y": label}, {"y": OUTPUTS.astype("float32")}))
    assert found == pytest.approx(entries.mean(), rel=1e-6)


def test_a_quantile_in_a_tensor_becomes_a_number_of_the_config():
    assert PinballLoss(tensor(0.25)).get_config()["tau"] == 0.25
    assert PinballLoss(np.float32(0.25)).get_config()["tau"] == 0.25


@pytest.mark.parametrize("tau", [-0.1, 1.5])
def test_a_quantile_is_between_0_and_1(tau):
    message = exactly(
        "PinballLoss: `tau` is out of range.",
        "  Expected: a number from 0 to 1",
        f"  Received: {tau}",
    )
    with pytest.raises(ValueError, match=message):
        PinballLoss(tau=tau)


def test_an_object_has_one_quantile():
    with pytest.raises(TypeError, match="`tau` must be a number"):
        PinballLoss(tau=[0.1, 0.9])


def test_an_unknown_reduction_is_refused():
    message = exactly(
        "PinballLoss: `reduction` is not one of its choices.",
        "  Expected: one of ['auto', 'sum_over_batch_size', 'sum', 'none']",
        "  Received: 'mean'",
    )
    with pytest.raises(ValueError, match=message):
        PinballLoss(reduction="mean")
