"""A captcha of five characters: one image, five heads."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras
from tests.lanes import needs_captcha

layers = keras.layers


def build():
    image = keras.Input((24, 60, 1), name="image")
    hidden = layers.Conv2D(8, 5, strides=3, activation="relu")(image)
    hidden = layers.Conv2D(16, 3, strides=2, activation="relu")(hidden)
    hidden = layers.Flatten()(hidden)
    heads = {f"character_{i}": layers.Dense(10, activation="softmax")(hidden) for i in range(5)}
    loss = sum(kml.LossTerm("sparse_categorical_crossentropy", name) for name in heads)
    return keras.Model(image, heads), loss


def captchas(codes):
    """Images of the codes, distorted by the package `captcha`."""
    from captcha.image import ImageCaptcha

    painter = ImageCaptcha(width=60, height=24, font_sizes=(20,))
    images = [painter.generate_image("".join(map(str, code))).convert("L") for code in codes]
    return np.stack([np.asarray(image) for image in images])[..., None] / np.float32(255)


def bars(codes):
    """Images of the codes as five columns of bars, as long as the digits are large."""
    rows = np.arange(24)[None, :, None]
    columns = np.repeat(codes, 12, axis=1)[:, None, :]
    return (rows < 2 * columns).astype("float32")[..., None]


@pytest.mark.parametrize("draw", [bars, pytest.param(captchas, marks=needs_captcha)])
@pytest.mark.sample(1)
def test_captcha_with_five_heads(acceptance, draw):
    codes = np.random.default_rng(0).integers(0, 10, (64, 5))
    y = {f"character_{i}": codes[:, i] for i in range(5)}
    acceptance.check(build, draw(codes), y)
