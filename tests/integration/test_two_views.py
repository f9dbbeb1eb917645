"""Two binary outputs that ought to agree: their squared disagreement is a third term."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras


def build():
    left, right = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    ill = {
        "ill_by_left": keras.layers.Dense(1, activation="sigmoid")(left),
        "ill_by_right": keras.layers.Dense(1, activation="sigmoid")(right),
    }
    model = keras.Model({"left": left, "right": right}, ill)
    loss = kml.LossTerm("binary_crossentropy", "ill_by_left", labels="ill")
    loss += kml.LossTerm("binary_crossentropy", "ill_by_right", labels="ill")
    loss += 0.5 * kml.LossTerm(
        kml.losses.ConsistencyLoss("mse"), list(ill), labels=None, name="disagreement"
    )
    return model, loss


@pytest.mark.sample(1)
def test_two_binary_outputs_and_their_squared_disagreement(acceptance):
    rng = np.random.default_rng(0)
    ill = rng.integers(0, 2, (96, 1)).astype("float32")
    x = {side: (ill + rng.normal(size=(96, 4))).astype("float32") for side in ("left", "right")}
    acceptance.check(build, x, {"ill": ill})
