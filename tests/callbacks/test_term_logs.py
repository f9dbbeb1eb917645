"""`TermLogs`, which makes the logs of the layer host alike on every backend."""

import pytest

import keras_multiloss as kml
from tests.conftest import two_heads, two_heads_data

SPEC = kml.LossTerm("mse", "age") + 0.5 * kml.LossTerm("binary_crossentropy", "sex")


def training_model():
    x, y = two_heads_data()
    model = kml.attach_losses(two_heads(), SPEC)
    model.compile("sgd")
    return model, {"x": x, "age_label": y["age"], "sex_label": y["sex"]}


def test_history_has_every_term_of_training_and_validation_and_adds_up():
    model, data = training_model()
    history = model.fit(
        data, validation_data=(data,), epochs=2, verbose=0, callbacks=[kml.callbacks.TermLogs()]
    ).history
    names = {"loss", "age_loss", "sex_loss"}
    assert set(history) == names | {f"val_{name}" for name in names}
    for prefix in ("", "val_"):
        for i in range(2):
            total = history[f"{prefix}age_loss"][i] + 0.5 * history[f"{prefix}sex_loss"][i]
            assert history[f"{prefix}loss"][i] == pytest.approx(total, rel=1e-6)  # float32 sums


def test_training_logs_are_those_of_training_although_validation_comes_later():
    model, data = training_model()
    other = {**data, "age_label": data["age_label"] + 100.0}
    history = model.fit(
        data, validation_data=(other,), verbose=0, callbacks=[kml.callbacks.TermLogs()]
    ).history
    assert history["age_loss"][0] < 100.0 < history["val_age_loss"][0]


def test_an_evaluation_leaves_its_logs_with_the_callback():
    model, data = training_model()
    callback = kml.callbacks.TermLogs()
    loss = model.evaluate(data, callbacks=[callback], verbose=0, return_dict=True)["loss"]
    logs = callback.evaluation
    assert loss == pytest.approx(logs["age_loss"] + 0.5 * logs["sex_loss"], rel=1e-6)


def test_without_validation_the_logs_have_no_val():
    model, data = training_model()
    callback = kml.callbacks.TermLogs()
    model.evaluate(data, callbacks=[callback], verbose=0)
    history = model.fit(data, verbose=0, callbacks=[callback]).history
    assert set(history) == {"loss", "age_loss", "sex_loss"}


def test_loss_layers_of_nested_models_are_logged_too():
    from keras_multiloss._platform import keras

    inner, data = training_model()
    outer = keras.Model(inner.input, inner(inner.input))
    outer.compile("sgd")
    history = outer.fit(data, verbose=0, callbacks=[kml.callbacks.TermLogs()]).history
    assert set(history) == {"loss", "age_loss", "sex_loss"}
