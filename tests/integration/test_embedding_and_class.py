"""One label for two terms: an embedding near the axis of its class, and the class itself.

The cosine loss of Barz and Denzler, "Deep learning on small datasets without pre-training
using cosine loss", WACV 2020, combined with cross-entropy as there.
"""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras


def build():
    x = keras.Input((4,), name="x")
    embedding = keras.layers.Dense(3)(keras.layers.Dense(16, activation="relu")(x))
    species = keras.layers.Dense(3, activation="softmax")(embedding)
    loss = kml.LossTerm("cosine_similarity", "embedding", labels="species")
    loss += 0.1 * kml.LossTerm("categorical_crossentropy", "species")
    return keras.Model(x, {"embedding": embedding, "species": species}), loss


@pytest.mark.sample(1)
def test_one_label_for_an_embedding_and_a_class(acceptance):
    x = np.random.default_rng(0).normal(size=(96, 4)).astype("float32")
    species = np.eye(3, dtype="float32")[x[:, :3].argmax(axis=1)]
    acceptance.check(build, x, {"species": species})
