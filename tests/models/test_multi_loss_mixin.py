"""`MultiLossMixin` on subclassed models."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras
from tests.conftest import two_heads_data


@keras.saving.register_keras_serializable(package="tests")
class Net(kml.models.MultiLossMixin, keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.age = keras.layers.Dense(1)
        self.sex = keras.layers.Dense(1, activation="sigmoid")

    def call(self, x):
        return {"age": self.age(x), "sex": self.sex(x)}


def compiled():
    model = Net()
    loss = kml.LossTerm("mse", "age") + 0.5 * kml.LossTerm("binary_crossentropy", "sex")
    model.compile("adam", loss=loss)
    return model


def test_a_subclassed_model_trains_and_its_log_adds_up():
    x, y = two_heads_data()
    history = compiled().fit(x, y, epochs=3, verbose=0).history
    for total, age, sex in zip(
        history["loss"], history["age_loss"], history["sex_loss"], strict=True
    ):
        # float32 sums of the same numbers
        assert total == pytest.approx(age + 0.5 * sex, rel=1e-6)
    assert history["loss"][-1] < history["loss"][0]


def test_a_subclassed_model_reloads_compiled(model_path):
    x, y = two_heads_data()
    model = compiled()
    model.fit(x, y, verbose=0)
    model.save(model_path)
    reloaded = keras.saving.load_model(model_path)
    expected = model.evaluate(x, y, verbose=0, return_dict=True)
    assert reloaded.evaluate(x, y, verbose=0, return_dict=True) == expected


def test_a_misspelt_output_of_a_subclassed_model_is_named_at_the_first_step():
    x, y = two_heads_data()
    model = Net()
    model.compile("sgd", loss=kml.LossTerm("mse", "aeg", "age"))
    with pytest.raises(ValueError, match="did you mean 'age'"):
        model.fit(x, y, verbose=0)


def test_compiling_with_weights_beside_the_terms_is_refused():
    with pytest.raises(ValueError, match="`loss_weights` does not apply"):
        Net().compile("sgd", loss=kml.LossTerm("mse", "age"), loss_weights={"age": 2.0})


def test_a_model_that_was_never_compiled_with_terms_is_plain_keras():
    x = np.ones((4, 3), "float32")
    model = Net()
    assert model(x)["age"].shape == (4, 1)
    assert [metric.name for metric in model.metrics] == []
