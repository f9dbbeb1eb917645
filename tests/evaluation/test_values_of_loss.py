"""A loss gives one tensor, with values of samples and not of pairs of samples."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras, ops
from keras_multiloss.evaluation import evaluate
from tests.losses.messages import exactly

COORD = np.arange(20, dtype="float32").reshape(5, 4)
PRESENT = np.array([[1], [0], [0], [1], [0]], "float32")


def presence_times_error(y_true, y_pred):
    coord, present = y_true
    return present * ops.mean(ops.square(coord - y_pred), -1)


def test_values_that_pair_each_sample_with_all_are_refused():
    message = exactly(
        "here: the loss compares each sample with the others, by broadcasting.",
        "  Expected: one value per sample, whatever the size of the batch",
        "  Received: values of shape (3, 3) for 3 samples and (5, 5) for 5",
        "  Hint: it was given (batch, 4) and (batch, 1) and (batch, 4): keep the axes of one "
        "alike, as by `ops.mean(..., keepdims=True)`; if pairs are meant, return their mean for "
        "each sample",
    )
    with pytest.raises(ValueError, match=message):
        evaluate("here", presence_times_error, (COORD, PRESENT), COORD + 1.0)


@pytest.mark.parametrize("n", [1, 2, 4, 5])
def test_values_of_samples_pass_whatever_the_batch(n):
    """Four entries for four samples are no pairs, and one sample has no other."""
    found = evaluate("here", lambda y, p: (y - p) ** 2, COORD[:n], COORD[:n] + 1.0)
    assert tuple(found.values.shape) == (n, 4)
    squeezed = evaluate("here", presence_times_error, (COORD[:n], PRESENT[:n, 0]), COORD[:n])
    assert tuple(squeezed.values.shape) == (n,)


def test_a_loss_that_cannot_take_zeros_is_not_judged():
    def for_four_samples(y_true, y_pred):
        return ops.reshape(y_true, (2, 8)) + ops.reshape(y_pred, (2, 8))

    found = evaluate("here", for_four_samples, COORD[:4], COORD[:4])
    assert tuple(found.values.shape) == (2, 8)


@pytest.mark.parametrize("parts", [list, tuple])
def test_a_list_of_parts_is_refused(parts):
    def loss(y_true, y_pred):
        return parts([ops.mean(y_true - y_pred, -1), ops.mean(y_true, -1)])

    with pytest.raises(TypeError, match="the loss did not give one tensor") as caught:
        evaluate("here", loss, COORD, COORD)
    assert "of 2 parts" in str(caught.value)


def test_a_forgotten_return_is_told():
    with pytest.raises(TypeError, match=r"Received: None\n  Hint: return a tensor"):
        evaluate("here", lambda y_true, y_pred: None, COORD, COORD)


@keras.saving.register_keras_serializable(package="tests")
class Trap(kml.JointLoss):
    def call(self, y_true, y_pred):
        return presence_times_error(y_true, y_pred)


@pytest.mark.parametrize("options", [{}, {"run_eagerly": True}], ids=["traced", "eager"])
def test_a_model_tells_pairs_of_samples_from_values_of_samples(options):
    x = keras.Input((3,), name="x")
    coord = keras.layers.Dense(4, kernel_initializer="zeros")(x)
    model = kml.MultiLossModel(x, {"coord": coord})
    loss = kml.LossTerm(Trap(), "coord", ["coord", "present"], name="error")
    model.compile("sgd", loss=loss, **options)
    inputs = np.ones((5, 3), "float32")
    with pytest.raises(Exception, match="term 'error': the loss compares each sample"):
        model.evaluate(inputs, {"coord": COORD, "present": PRESENT}, verbose=0)
    labels = {"coord": COORD, "present": PRESENT[:, 0]}
    logs = model.evaluate(inputs, labels, verbose=0, return_dict=True)
    expected = np.mean(PRESENT[:, 0] * np.mean(COORD**2, -1))
    np.testing.assert_allclose(logs["error_loss"], expected, rtol=1e-5)


def test_a_label_comes_in_the_rank_of_the_output_in_its_place():
    seen = {}

    def loss(y_true, y_pred):
        seen.update(labels=[tuple(label.shape) for label in y_true])
        return ops.mean((y_true[0] - y_pred[0]) ** 2, -1) + ops.mean(y_pred[1], -1)

    outputs = (np.zeros((5, 1), "float32"), COORD)
    evaluate("here", loss, (np.ones(5, "float32"), np.ones(5, "int32")), outputs)
    assert seen["labels"] == [(5, 1), (5,)]
