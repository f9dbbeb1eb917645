"""`compile`, `fit` and `evaluate` have the arguments that the Keras of the lane gives them."""

import inspect

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import KERAS_3, has_own_method, keras
from tests.conftest import two_heads, two_heads_data

LOSS = kml.LossTerm("mse", "age") + kml.LossTerm("mae", "sex")


def model_of(*arguments, **options):
    model = kml.MultiLossModel.from_model(two_heads())
    model.compile(*arguments, **options)
    return model


@pytest.mark.parametrize("method", ["compile", "fit", "evaluate"])
def test_the_arguments_are_those_of_keras_in_their_places(method):
    def arguments(cls):
        parameters = inspect.signature(getattr(cls, method)).parameters.values()
        own = {"aggregator", "every_n_steps"}
        return {p.name: (p.kind, p.default) for p in parameters if p.name not in own}

    ours = arguments(kml.MultiLossModel)
    assert list(ours) == list(arguments(keras.Model))
    assert ours == arguments(keras.Model)


def test_positional_loss_weights_are_refused_as_those_by_name_are():
    weights = {"age": 0.5, "sex": 0.5}
    places = [None, weights] if not KERAS_3 else [weights]
    with pytest.raises(ValueError, match="`loss_weights` does not apply to a WeightedSumLoss"):
        model_of("sgd", LOSS, *places)


def test_positional_metrics_are_measured():
    metrics = {"age": "mae"}
    places = [metrics] if not KERAS_3 else [None, metrics]
    model, (x, y) = model_of("sgd", LOSS, *places), two_heads_data()
    logs = model.evaluate(x, y, verbose=0, return_dict=True)
    expected = np.abs(model.predict(x, verbose=0)["age"] - y["age"]).mean()
    names = [name for name in logs if name.endswith("mae") or "absolute" in name]
    assert [logs[name] for name in names] == pytest.approx([expected], rel=1e-5)


def test_positional_sample_weights_act():
    model, (x, y) = model_of("sgd", LOSS), two_heads_data()
    weights = np.linspace(0, 1, len(x), dtype="float32")
    by_place = model.evaluate(x, y, None, 0, weights, return_dict=True)
    by_name = model.evaluate(x, y, sample_weight=weights, verbose=0, return_dict=True)
    assert by_place == by_name
    assert by_place != model.evaluate(x, y, verbose=0, return_dict=True)


def test_positional_validation_data_with_weights_are_taken():
    model, (x, y) = model_of("sgd", LOSS), two_heads_data()
    weights = {"age": np.ones(len(x), "float32"), "sex": np.zeros(len(x), "float32")}
    validation = (x, y, weights)
    history = model.fit(x, y, 8, 1, 0, None, 0.0, validation, True, None, weights).history
    assert history["sex_loss"] == [0.0]
    assert history["val_sex_loss"] == [0.0]
    assert history["val_age_loss"][0] > 0


def test_fit_returns_a_history():
    model, (x, y) = model_of("sgd", LOSS), two_heads_data()
    assert isinstance(model.fit(x, y, verbose=0), keras.callbacks.History)


class Plain(keras.Model):
    pass


class WithStep(Plain):
    def train_step(self, *args):
        return super().train_step(*args)


def test_methods_of_a_users_own_are_told_from_those_of_keras():
    Plain.__module__ = "keras_multiloss.models"
    assert not has_own_method(Plain(), "train_step", "test_step", "compute_metrics")
    assert has_own_method(WithStep(), "train_step", "test_step")
    assert not has_own_method(WithStep(), "test_step")
