"""A model goes to a file, and a process that knows nothing of it goes on from there."""

import json
import warnings
import zipfile

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras
from tests.conftest import two_heads, two_heads_data

OPTIONS = {"batch_size": 8, "shuffle": False, "verbose": 0}


def spec():
    """Losses with arguments, among them those that Keras itself leaves out of files."""
    schedule = keras.optimizers.schedules.PolynomialDecay(1.0, 50, 0.1)
    loss = kml.LossTerm(keras.losses.Huber(delta=0.3), "age", mask="nan")
    loss += 0.5 * kml.LossTerm(keras.losses.BinaryCrossentropy(label_smoothing=0.1), "sex")
    loss += kml.LossTerm(keras.losses.CosineSimilarity(axis=0), "age", name="cosine")
    loss += kml.LossTerm("mae", "age", weight=schedule, name="moving")
    return loss


def hosted(host):
    """A model compiled in a host, and data for it."""
    x, y = two_heads_data()
    if host == "model":
        model = kml.MultiLossModel.from_model(two_heads())
        model.compile(keras.optimizers.Adam(0.01), loss=spec())
        return model, (x, y)
    model = kml.attach_losses(two_heads(), spec())
    model.compile(keras.optimizers.Adam(0.01))
    return model, ({"x": x, "age_label": y["age"], "sex_label": y["sex"]},)


@pytest.mark.parametrize("host", ["model", "layer"])
@pytest.mark.sample(1)
def test_training_goes_on_bit_for_bit_in_a_fresh_process(host, fresh_process, model_path):
    model, data = hosted(host)
    model.fit(*data, epochs=2, **OPTIONS)
    model.save(model_path)
    evaluated = model.evaluate(*data, verbose=0, return_dict=True)
    history = model.fit(*data, epochs=2, **OPTIONS).history
    _, reloaded, resumed, after = fresh_process.load(
        model_path,
        ("evaluate", data, {"verbose": 0, "return_dict": True}),
        ("fit", data, {"epochs": 2, **OPTIONS}),
        ("get_weights", (), {}),
    )
    assert reloaded == evaluated
    assert resumed == history
    for one, other in zip(model.get_weights(), after, strict=True):
        np.testing.assert_array_equal(other, one)


def test_the_model_reloads_as_its_own_class_with_its_loss(model_path):
    model, data = hosted("model")
    model.fit(*data, **OPTIONS)
    model.save(model_path)
    reloaded = keras.saving.load_model(model_path)
    assert type(reloaded) is kml.MultiLossModel
    assert reloaded.loss.get_config() == spec().get_config()


def test_uncompiled_loading_gives_the_model_without_its_loss(model_path):
    model, (x, _) = hosted("model")
    model.save(model_path)
    reloaded = keras.saving.load_model(model_path, compile=False)
    expected = model.predict(x, verbose=0)["age"]
    np.testing.assert_array_equal(reloaded.predict(x, verbose=0)["age"], expected)


def test_weights_files_move_between_models(tmp_path):
    model, data = hosted("model")
    model.fit(*data, **OPTIONS)
    model.save_weights(tmp_path / "model.weights.h5")
    other, _ = hosted("model")
    other.fit(*data, **OPTIONS)  # Keras loads the state of optimizers that have one
    other.load_weights(tmp_path / "model.weights.h5")
    assert other.evaluate(*data, verbose=0) == model.evaluate(*data, verbose=0)


def test_a_clone_has_the_class_and_its_own_weights():
    model, data = hosted("model")
    clone = keras.models.clone_model(model)
    assert isinstance(clone, kml.MultiLossModel)
    assert clone.get_layer("age") is not model.get_layer("age")
    clone.compile("sgd", loss=spec())
    clone.set_weights(model.get_weights())
    expected = model.evaluate(*data, verbose=0, return_dict=True)
    assert clone.evaluate(*data, verbose=0, return_dict=True) == expected


def test_the_layer_host_goes_through_h5_into_a_fresh_process(fresh_process, tmp_path):
    model, data = hosted("layer")
    model.fit(*data, **OPTIONS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Keras calls the format legacy
        model.save(tmp_path / "model.h5")
    expected = model.evaluate(*data, verbose=0, return_dict=True)
    assert fresh_process.evaluate(tmp_path / "model.h5", *data) == expected


def test_callbacks_that_save_the_best_model_follow_a_term(tmp_path):
    model, data = hosted("model")
    path = str(tmp_path / "best.keras")
    best = keras.callbacks.ModelCheckpoint(
        path, monitor="val_age_loss", mode="min", save_best_only=True
    )
    model.fit(*data, validation_data=data, epochs=3, callbacks=[best], **OPTIONS)
    assert keras.saving.load_model(path).evaluate(*data, verbose=0) is not None


def test_a_saved_file_holds_no_code(model_path):
    model, _ = hosted("model")
    model.save(model_path)
    with zipfile.ZipFile(model_path) as archive:
        config = json.loads(archive.read("config.json"))
    assert "keras_multiloss>WeightedSumLoss" in json.dumps(config)
    assert "lambda" not in json.dumps(config).lower()


def test_a_tampered_file_names_the_part_that_is_wrong(model_path, tmp_path):
    model, _ = hosted("model")
    model.save(model_path)
    tampered = tmp_path / "tampered.keras"
    with zipfile.ZipFile(model_path) as old, zipfile.ZipFile(tampered, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "config.json":
                config = json.loads(content)
                terms = config["compile_config"]["loss"]["config"]["terms"]
                terms[1]["outputs"] = "sexx"
                content = json.dumps(config).encode()
            new.writestr(name, content)
    with pytest.raises(ValueError, match=r"(?s)term 'sexx' .*did you mean 'sex'"):
        keras.saving.load_model(tampered)
