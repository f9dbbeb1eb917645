"""`CombinedLog` beside the callbacks of Keras that read one number."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras
from tests.conftest import two_heads, two_heads_data

WEIGHTS = {"val_age_loss": 0.3, "val_sex_loss": 2.0}


def fit(*callbacks, epochs=3, learning_rate=0.05, has_validation=True, **options):
    keras.utils.set_random_seed(1)
    x, y = two_heads_data(20)
    model = kml.MultiLossModel.from_model(two_heads())
    model.compile(
        keras.optimizers.SGD(learning_rate),
        loss=kml.LossTerm("mse", "age") + kml.LossTerm("binary_crossentropy", "sex"),
    )
    if has_validation:
        options["validation_data"] = (x, y)
    history = model.fit(x, y, epochs=epochs, callbacks=list(callbacks), verbose=0, **options)
    return model, history.history


def test_it_is_the_weighted_sum_of_every_epoch():
    _, logs = fit(kml.callbacks.CombinedLog("score", WEIGHTS))
    expected = 0.3 * np.array(logs["val_age_loss"]) + 2.0 * np.array(logs["val_sex_loss"])
    assert logs["score"] == pytest.approx(expected)


def test_training_stops_by_it():
    score = kml.callbacks.CombinedLog("score", {"val_age_loss": -1.0})  # which only gets worse
    stop = keras.callbacks.EarlyStopping("score", mode="min", patience=1)
    _, logs = fit(score, stop, epochs=10)
    assert len(logs["score"]) == 2


def test_the_best_model_is_saved_by_it(tmp_path):
    path = str(tmp_path / "{epoch}.weights.h5")
    save = keras.callbacks.ModelCheckpoint(
        path, monitor="score", mode="max", save_best_only=True, save_weights_only=True
    )
    fit(kml.callbacks.CombinedLog("score", {"val_age_loss": -1.0}), save)
    assert (tmp_path / "3.weights.h5").exists()


def test_epochs_without_validation_have_none():
    score = kml.callbacks.CombinedLog("score", WEIGHTS, validation_freq=2)
    _, logs = fit(score, epochs=4, validation_freq=2)
    assert len(logs["score"]) == len(logs["val_age_loss"]) == 2


@pytest.mark.parametrize(
    ("weights", "arguments", "text"),
    [
        ({"val_age_los": 1.0}, {}, "did you mean 'val_age_loss'"),
        ({"val_age_auc": 1.0}, {"has_validation": False}, "give `fit` validation data"),
    ],
)
def test_a_missing_name_is_told_at_the_first_epoch(weights, arguments, text):
    with pytest.raises(ValueError, match=text):
        fit(kml.callbacks.CombinedLog("score", weights), epochs=1, **arguments)


def test_a_name_that_is_taken_is_told():
    with pytest.raises(ValueError, match="has an entry of that name already"):
        fit(kml.callbacks.CombinedLog("loss", WEIGHTS), epochs=1)


@pytest.mark.parametrize(
    ("weights", "kind", "text"),
    [
        ({}, ValueError, "`weights` must not be empty"),
        (["loss"], TypeError, "`weights` must be a dict"),
        ({"loss": "1"}, TypeError, r"`weights\['loss'\]` must be a number"),
    ],
)
def test_weights_that_are_none_are_told(weights, kind, text):
    with pytest.raises(kind, match=text):
        kml.callbacks.CombinedLog("score", weights)
