"""A variational autoencoder: reconstruction + beta * KL, with beta on a schedule."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras

layers = keras.layers


def build():
    image = keras.Input((64,), name="image")
    hidden = layers.Dense(16, activation="relu")(image)
    mean, log_variance = layers.Dense(2)(hidden), layers.Dense(2)(hidden)
    deviation = layers.Activation("exponential")(layers.Rescaling(0.5)(log_variance))
    noise = layers.GaussianNoise(1.0)(layers.Rescaling(0.0)(mean))  # none but in training
    latent = layers.Add()([mean, layers.Multiply()([deviation, noise])])
    decoded = layers.Dense(64, activation="sigmoid")(layers.Dense(16, activation="relu")(latent))
    outputs = {"image": decoded, "mean": mean, "log_variance": log_variance}
    beta = keras.optimizers.schedules.PolynomialDecay(0.0, decay_steps=10, end_learning_rate=0.5)
    loss = kml.LossTerm("binary_crossentropy", "image", weight=64.0)  # the sum over 64 pixels
    loss += kml.LossTerm(
        kml.losses.KLDivergenceToNormal(),
        ["mean", "log_variance"],
        labels=None,
        weight=beta,
        name="kl",
    )
    return keras.Model(image, outputs), loss


@pytest.mark.sample(1)
def test_variational_autoencoder(acceptance):
    image = np.tile(np.eye(8, dtype="float32"), (8, 8))  # eight kinds of stripes
    logs = acceptance.check(build, image, {"image": image})
    if "kl_loss" not in logs:
        assert not acceptance.logs_terms
        return
    # 4 epochs of 2 batches: the schedule stands at step 8 of 10.
    assert logs["kl_weight"] == pytest.approx(0.4, rel=1e-6)
