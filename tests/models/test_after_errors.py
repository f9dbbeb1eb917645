"""A model lives on after an error, with the weights that it had."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras, ops
from tests.conftest import two_heads, two_heads_data


@keras.saving.register_keras_serializable(package="tests")
def raises(y_true, y_pred):
    raise RuntimeError("a loss of one's own raises")


@keras.saving.register_keras_serializable(package="tests")
class Breakable(keras.layers.Layer):
    """A layer that raises where it is told to."""

    is_broken = False

    def call(self, x):
        if self.is_broken:
            raise RuntimeError("a layer of one's own raises")
        return x + 0.0


class StopsAfter(keras.callbacks.Callback):
    """A callback that raises after some batches."""

    def __init__(self, n_batches):
        super().__init__()
        self.n_batches = n_batches

    def on_train_batch_end(self, batch, logs=None):
        if batch + 1 == self.n_batches:
            raise RuntimeError("a callback raises")

    def on_test_batch_end(self, batch, logs=None):
        raise RuntimeError("a callback raises")


GOOD = kml.LossTerm("mse", "age") + 0.5 * kml.LossTerm("mae", "sex")


def compiled(loss=GOOD, weighting=None, **options):
    model = kml.MultiLossModel.from_model(two_heads())
    if weighting is not None:
        loss = kml.WeightedSumLoss([loss], weighting=weighting)
    model.compile(keras.optimizers.Adam(0.1), loss=loss, metrics={"age": "mae"}, **options)
    return model


def check_lives(model, weights):
    """The model has these weights, and trains, evaluates and predicts."""
    for value, before in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(value, before)
    model.compile("sgd", loss=GOOD)
    x, y = two_heads_data()
    first = model.evaluate(x, y, verbose=0, return_dict=True)["loss"]
    model.fit(x, y, epochs=5, verbose=0)
    assert model.evaluate(x, y, verbose=0, return_dict=True)["loss"] < first
    assert np.isfinite(model.predict(x, verbose=0)["age"]).all()


@pytest.mark.parametrize("method", ["fit", "evaluate"])
def test_a_loss_that_raises_costs_no_weights(method):
    model = compiled(GOOD + kml.LossTerm(raises, "sex", name="bad"))
    weights = model.get_weights()
    x, y = two_heads_data()
    with pytest.raises(Exception, match="a loss of one's own raises"):
        getattr(model, method)(x, y, verbose=0)
    check_lives(model, weights)


@pytest.mark.parametrize(("method", "options"), [("fit", {"shuffle": False}), ("evaluate", {})])
def test_a_misspelt_label_in_a_stream_costs_no_weights(method, options):
    model = compiled()
    weights = model.get_weights()
    x, y = two_heads_data()
    batches = ((x, {"age": y["age"], "sexe": y["sex"]}) for _ in range(2))
    with pytest.raises(Exception, match="names a label that is not in the data"):
        getattr(model, method)(batches, verbose=0, **options)
    check_lives(model, weights)


@pytest.mark.parametrize("options", [{}, {"aggregator": "upgrad"}], ids=["plain", "upgrad"])
@pytest.mark.parametrize("n_batches", [1, 2])
def test_a_callback_that_raises_keeps_the_steps_that_were_taken(options, n_batches):
    x, y = two_heads_data(12)
    model, reference = compiled(**options), compiled(**options)
    reference.set_weights(model.get_weights())
    settings = {"batch_size": 4, "shuffle": False, "verbose": 0}
    with pytest.raises(RuntimeError, match="a callback raises"):
        model.fit(x, y, callbacks=[StopsAfter(n_batches)], **settings)
    n = 4 * n_batches
    reference.fit(x[:n], {name: value[:n] for name, value in y.items()}, **settings)
    trained, expected = model.get_weights()[:6], reference.get_weights()[:6]
    for value, wanted in zip(trained, expected, strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-5)
    with pytest.raises(RuntimeError, match="a callback raises"):
        model.evaluate(x, y, verbose=0, callbacks=[StopsAfter(1)])
    check_lives(model, model.get_weights())


def test_a_layer_that_raises_in_predict_costs_no_weights():
    x = keras.Input((3,), name="x")
    layer = Breakable()
    model = kml.MultiLossModel(x, {"age": keras.layers.Dense(1)(layer(x))})
    model.compile("sgd", loss=kml.LossTerm("mse", "age"))
    weights = model.get_weights()
    layer.is_broken = True
    with pytest.raises(Exception, match="a layer of one's own raises"):
        model.predict(np.ones((4, 3)), verbose=0)
    layer.is_broken = False
    for value, before in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(value, before)
    model.predict(np.ones((4, 3)), verbose=0)


def test_an_error_in_the_second_epoch_keeps_what_a_callback_set():
    """The values before the first step of an epoch are those that callbacks left."""
    x, y = two_heads_data(8)

    class SetsThenRaises(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                self.model.set_weights([np.ones_like(v) for v in self.model.get_weights()])

        def on_train_batch_begin(self, batch, logs=None):
            if batch == 0 and np.all(ops.convert_to_numpy(self.kernel()) == 1.0):
                raise RuntimeError("a callback raises")

        def kernel(self):
            return self.model.get_layer("hidden").kernel

    model = compiled()
    with pytest.raises(RuntimeError, match="a callback raises"):
        model.fit(x, y, epochs=2, verbose=0, callbacks=[SetsThenRaises()])
    np.testing.assert_array_equal(model.get_layer("hidden").get_weights()[0], 1.0)
