"""ESMM: a click, and click times conversion against the purchase; both outputs served."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras

layers = keras.layers


def build():
    user, item = keras.Input((1,), name="user"), keras.Input((1,), name="item")
    embeddings = [layers.Embedding(20, 4)(user), layers.Embedding(30, 4)(item)]
    features = layers.Flatten()(layers.Concatenate()(embeddings))
    click = layers.Dense(1, activation="sigmoid")(layers.Dense(8, activation="relu")(features))
    conversion = layers.Dense(1, activation="sigmoid")(layers.Dense(8, activation="relu")(features))
    model = keras.Model({"user": user, "item": item}, {"click": click, "conversion": conversion})
    loss = kml.LossTerm("binary_crossentropy", "click")
    loss += kml.LossTerm(
        kml.losses.ProductBinaryCrossentropy(),
        ["click", "conversion"],
        labels="purchase",
        name="purchase",
    )
    return model, loss


def impressions(n=256):
    """Users and items, and whether they clicked and, having clicked, bought."""
    rng = np.random.default_rng(0)
    user, item = rng.integers(0, 20, (n, 1)), rng.integers(0, 30, (n, 1))
    click = (user + item) % 3 == 0
    purchase = click & (item % 2 == 0)
    x = {"user": user.astype("int32"), "item": item.astype("int32")}
    return x, {"click": click.astype("float32"), "purchase": purchase.astype("float32")}


@pytest.mark.sample(1)
def test_esmm(acceptance):
    x, y = impressions()
    acceptance.check(build, x, y, labels={"purchase": {"shape": (1,)}})
