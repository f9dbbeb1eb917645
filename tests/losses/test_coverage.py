"""`CoverageLoss`: steps that look where earlier ones have looked."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras
from keras_multiloss.losses import CoverageLoss
from tests.losses.messages import exactly


def test_looking_at_one_place_all_the_time_costs_one_a_step():
    attention = np.zeros((1, 4, 3))
    attention[:, :, 1] = 1.0
    assert np.asarray(CoverageLoss(reduction="none")(None, attention)).tolist() == [[0, 1, 1, 1]]


def test_attention_without_steps_is_refused():
    message = exactly(
        "CoverageLoss: its output has no steps.",
        "  Expected: attention weights of shape (batch, n_steps, n_places)",
        "  Received: shape (2, 3)",
    )
    with pytest.raises(ValueError, match=message):
        CoverageLoss()(None, np.ones((2, 3)))


def test_padded_steps_are_left_out():
    tokens = keras.Input((4,), dtype="int32", name="tokens")
    vectors = keras.layers.Embedding(5, 3, mask_zero=True)(tokens)
    attention = keras.layers.Dense(3, activation="softmax", name="attention")(vectors)
    model = kml.MultiLossModel(tokens, {"attention": attention})
    model.compile("sgd", loss=kml.LossTerm(CoverageLoss(), "attention", None))
    padded = np.array([[1, 2, 0, 0], [3, 4, 1, 2]], "int32")
    logs = model.evaluate(padded, {}, verbose=0, return_dict=True)
    steps = np.asarray(
        CoverageLoss(reduction="none")(None, model.predict(padded, verbose=0)["attention"])
    )
    counted = [*steps[0, :2], *steps[1]]
    assert logs["loss"] == pytest.approx(np.mean(counted), rel=1e-5)
