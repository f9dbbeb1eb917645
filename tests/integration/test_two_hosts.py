"""One spec, one result: the layer in the graph and the model around it."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras
from tests.conftest import two_heads, two_heads_data
from tests.lanes import needs_layer_logs, needs_tensorflow_backend


def specs():
    schedule = keras.optimizers.schedules.PolynomialDecay(1.0, 10, 0.1)
    agree = kml.LossTerm(kml.losses.ConsistencyLoss(), ["age", "sex"], None, name="agree")
    return {
        "plain": kml.LossTerm("mse", "age") + 0.5 * kml.LossTerm("binary_crossentropy", "sex"),
        "masked": kml.LossTerm("mse", "age", mask="nan") + kml.LossTerm("mae", "sex", mask=-1),
        "joint": kml.LossTerm("mse", "age") + kml.LossTerm("mse", "sex") + 0.1 * agree,
        "classes": kml.LossTerm("mse", "age")
        + kml.LossTerm("binary_crossentropy", "sex", class_weight={0: 1.0, 1: 4.0}),
        "scheduled": kml.LossTerm("mse", "age", weight=schedule) + kml.LossTerm("mse", "sex"),
        "sum": kml.LossTerm(keras.losses.MeanSquaredError(reduction="sum"), "age")
        + kml.LossTerm("mse", "sex"),
    }


def labels_with_gaps(name):
    x, y = two_heads_data(20)
    if name == "masked":
        y["age"][::3] = np.nan
        y["sex"][1::4] = -1
    return x, y


def train(host, spec, x, y, sample_weight):
    """Weights and logs after six steps."""
    keras.utils.set_random_seed(5)
    model = two_heads(kernel_regularizer=keras.regularizers.L2(0.01))
    options = {"batch_size": 10, "epochs": 3, "shuffle": False, "verbose": 0}
    if host == "model":
        model = kml.MultiLossModel.from_model(model)
        model.compile(keras.optimizers.Adam(0.01), loss=spec)
        history = model.fit(x, y, sample_weight=sample_weight, **options)
        return model.get_weights(), history.history
    training = kml.attach_losses(model, spec, sample_weight=sample_weight is not None)
    training.compile(keras.optimizers.Adam(0.01))
    data = {"x": x, "age_label": y["age"], "sex_label": y["sex"]}
    if sample_weight is not None:
        data["sample_weight"] = sample_weight
    history = training.fit(data, callbacks=[kml.callbacks.TermLogs()], **options)
    return model.get_weights(), history.history


@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
@pytest.mark.parametrize("name", specs())
@pytest.mark.sample(3)
def test_both_hosts_train_to_the_same_weights_and_logs(name, weighted):
    x, y = labels_with_gaps(name)
    sample_weight = np.linspace(0.0, 2.0, 20).astype("float32") if weighted else None
    weights, logs = train("model", specs()[name], x, y, sample_weight)
    layer_weights, layer_logs = train("layer", specs()[name], x, y, sample_weight)
    assert set(logs) == set(layer_logs)
    for key, values in logs.items():
        # The same sums, in graphs that XLA may order differently.
        np.testing.assert_allclose(layer_logs[key], values, rtol=2e-6, err_msg=key)
    kept = [w for w in weights if w.shape]  # without the step that the model counts
    for one, other in zip(kept, layer_weights, strict=True):
        # Adam divides by the root of a running mean, which enlarges rounding.
        np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-6)
    assert all(np.isfinite(values).all() for values in logs.values())


@needs_layer_logs
def test_the_logs_of_the_layer_need_no_callback_here():
    x, y = two_heads_data()
    training = kml.attach_losses(two_heads(), specs()["plain"])
    training.compile("sgd")
    history = training.fit({"x": x, "age_label": y["age"], "sex_label": y["sex"]}, verbose=0)
    assert set(history.history) == {"loss", "age_loss", "sex_loss"}


def test_a_custom_loop_computes_the_loss_of_the_hosts():
    x, y = two_heads_data()
    spec = specs()["joint"]
    model = kml.MultiLossModel.from_model(two_heads())
    model.compile("sgd", loss=spec)
    logs = model.evaluate(x, y, batch_size=24, verbose=0, return_dict=True)
    terms = spec.term_losses(y, model.predict(x, verbose=0))
    assert logs["loss"] == pytest.approx(float(spec(y, model.predict(x, verbose=0))), rel=1e-6)
    for name, value in terms.items():
        assert logs[f"{name}_loss"] == pytest.approx(float(value), rel=1e-6)


@needs_tensorflow_backend
def test_users_of_tf_keras_meet_the_same_classes():
    import tensorflow as tf

    assert issubclass(kml.MultiLossModel, tf.keras.Model)
    assert issubclass(kml.WeightedSumLoss, tf.keras.losses.Loss)
    assert issubclass(kml.WeightedSumLossLayer, tf.keras.layers.Layer)
