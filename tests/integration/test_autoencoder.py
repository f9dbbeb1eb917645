"""An autoencoder: the input is the label, and the data has none."""

import numpy as np

import keras_multiloss as kml
from keras_multiloss._platform import keras

layers = keras.layers


def build():
    image = keras.Input((8, 8, 1), name="image")
    code = layers.Dense(8, activation="relu", name="code")(layers.Flatten()(image))
    pixels = layers.Dense(64, activation="sigmoid")(code)
    decoded = layers.Reshape((8, 8, 1), name="decoded")(pixels)
    loss = kml.LossTerm(
        "binary_crossentropy",
        "decoded",
        labels=kml.from_input("image"),
        reduction="sum_over_axes",
    )
    return keras.Model(image, {"decoded": decoded}), loss


def test_an_autoencoder_trains_on_images_alone(acceptance):
    image = np.random.default_rng(0).uniform(size=(32, 8, 8, 1)).astype("float32")
    logs = acceptance.check(build, image, None)
    assert logs["loss"] > 64 * 0.3  # a sum over 64 pixels, each about log 2
