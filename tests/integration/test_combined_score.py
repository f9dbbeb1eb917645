"""Training that stops, and saves its best model, by one number made of several logs."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras

layers = keras.layers


def build():
    x = keras.Input((4,), name="x")
    hidden = layers.Dense(16, activation="relu")(x)
    outputs = {"age": layers.Dense(1)(hidden), "sex": layers.Dense(1, activation="sigmoid")(hidden)}
    loss = kml.LossTerm("mse", "age") + kml.LossTerm("binary_crossentropy", "sex")
    return keras.Model(x, outputs), loss


def test_training_stops_by_a_score_of_two_outputs(in_model, fresh_process, tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 4)).astype("float32")
    y = {"age": x[:, :1] * 2, "sex": (x[:, 1:2] > 0).astype("float32")}
    best = str(tmp_path / "best.keras")
    score = {"val_age_loss": 0.3, "val_sex_auc": -1.0}
    callbacks = [
        kml.callbacks.CombinedLog("score", score),
        keras.callbacks.EarlyStopping("score", mode="min", patience=2),
        keras.callbacks.ModelCheckpoint(best, "score", mode="min", save_best_only=True),
    ]
    auc = kml.MetricTerm(keras.metrics.AUC(name="auc"), "sex")
    logs = in_model.check(
        build,
        x,
        y,
        validation_data=(x, y),
        compiled={"metrics": [auc]},
        callbacks=callbacks,
        epochs=6,
    )
    found = fresh_process.evaluate(best, x, y)
    combined = 0.3 * found["age_loss"] - found["sex_auc"]
    assert combined <= 0.3 * logs["age_loss"] - logs["sex_auc"] + 1e-6
    assert combined == pytest.approx(callbacks[1].best, abs=1e-5)  # float32 logs
