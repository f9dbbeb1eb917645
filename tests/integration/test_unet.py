"""A U-Net whose outputs at three depths share one label."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras

layers = keras.layers


def build():
    image = keras.Input((16, 16, 1), name="image")
    down_16 = layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    down_8 = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(down_16)
    down_4 = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(down_8)
    up_8 = layers.Concatenate()([down_8, layers.UpSampling2D()(down_4)])
    up_16 = layers.Concatenate()([down_16, layers.UpSampling2D()(up_8)])
    masks = {
        "mask": layers.Conv2D(1, 3, padding="same", activation="sigmoid")(up_16),
        "mask_8": layers.Conv2D(1, 1, activation="sigmoid")(up_8),
        "mask_4": layers.Conv2D(1, 1, activation="sigmoid")(down_4),
    }
    loss = kml.losses.DeepSupervisionLoss("binary_crossentropy", weights="halving")
    return keras.Model(image, masks), kml.LossTerm(loss, list(masks), labels="mask", name="mask")


def squares(n=32):
    """Noisy images of a bright square, and the masks of the squares."""
    rng = np.random.default_rng(0)
    mask = np.zeros((n, 16, 16, 1), "float32")
    for entry, (row, column) in zip(mask, rng.integers(0, 10, (n, 2)), strict=True):
        entry[row : row + 6, column : column + 6] = 1.0
    return (mask + 0.3 * rng.normal(size=mask.shape)).astype("float32"), mask


@pytest.mark.sample(1)
def test_side_outputs_of_a_unet_share_one_label(acceptance):
    image, mask = squares()
    logs = acceptance.check(build, image, {"mask": mask})
    acceptance.check_parts(logs, "mask", "side_0", "side_1", "side_2")
