"""A captcha read as a sequence: characters of unknown places, by CTC."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras
from tests.integration.test_captcha import bars

layers = keras.layers


def build():
    image = keras.Input((24, 60, 1), name="image")
    hidden = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(image)
    hidden = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(hidden)
    columns = layers.Reshape((15, 6 * 8))(layers.Permute((2, 1, 3))(hidden))
    hidden = layers.Bidirectional(layers.GRU(16, return_sequences=True))(columns)
    frames = layers.Dense(11, name="frames")(hidden)
    return keras.Model(image, frames), kml.LossTerm(kml.losses.CTCLoss(), "frames", "text")


@pytest.mark.sample(1)
def test_a_captcha_is_read_without_places_of_characters(acceptance):
    codes = np.random.default_rng(0).integers(0, 10, (32, 5))
    text = codes + 1  # 0 is the blank
    text[::4, 4] = -1  # shorter ones
    shape = {"text": {"shape": (5,), "dtype": "int32"}}
    acceptance.check(build, bars(codes), {"text": text.astype("int32")}, shape)
