"""A pair of towers with a learned temperature, as CLIP has them."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras

layers = keras.layers


def build():
    image, text = (
        keras.Input((8, 8, 1), name="image"),
        keras.Input((5,), dtype="int32", name="text"),
    )
    pixels = layers.Dense(8, name="image_vector")(layers.Flatten()(image))
    words = layers.GlobalAveragePooling1D()(layers.Embedding(20, 16)(text))
    words = layers.Dense(8, name="text_vector")(words)
    ones = layers.Rescaling(0.0, 1.0)(layers.Flatten()(image)[:, :1])
    scale = layers.Dense(1, use_bias=False, kernel_initializer="ones", activation="softplus")
    outputs = {"image": pixels, "text": words, "temperature": scale(ones)}
    loss = kml.losses.InBatchSoftmaxLoss(symmetric=True, normalize=True, temperature=0.1)
    return keras.Model({"image": image, "text": text}, outputs), kml.LossTerm(
        loss, ["image", "text", "temperature"], None, name="pair"
    )


@pytest.mark.sample(1)
def test_a_pair_of_towers_learns_its_temperature(acceptance):
    rng = np.random.default_rng(0)
    x = {
        "image": rng.normal(size=(32, 8, 8, 1)).astype("float32"),
        "text": rng.integers(0, 20, (32, 5)).astype("int32"),
    }
    acceptance.check(build, x, None)
