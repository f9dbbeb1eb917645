"""A step is traced once for each shape of a batch, and prediction knows nothing of the loss."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import KERAS_3, keras, ops
from tests.conftest import two_heads, two_heads_data
from tests.lanes import BACKEND, needs_graphs

N_SAMPLES = 20
BATCH = {"batch_size": 8, "verbose": 0}  # two whole batches and half of one

#: JAX has a program for each shape; TensorFlow leaves the size of the batch open.
SHAPES = 2 if BACKEND == "jax" else 1

#: Keras 2 traces the step twice that makes the variables of the optimizer.
IN_TRAINING = SHAPES if KERAS_3 else SHAPES + 1


@keras.saving.register_keras_serializable(package="tests")
class Counted(kml.JointLoss):
    """Counts how often Python comes by, which a compiled step does not."""

    n_calls = 0

    def call(self, y_true, y_pred):
        Counted.n_calls += 1
        return ops.mean(ops.square(y_true - y_pred), axis=-1)


@keras.saving.register_keras_serializable(package="tests")
class CountedInKeras(keras.losses.Loss):
    """The same for plain Keras."""

    def call(self, y_true, y_pred):
        return Counted().call(y_true, y_pred)


@keras.saving.register_keras_serializable(package="tests")
class CountedMetric(keras.metrics.Mean):
    """Counts how often it is updated or read."""

    n_calls = 0

    def update_state(self, y_true, y_pred, sample_weight=None):
        CountedMetric.n_calls += 1
        return super().update_state(y_pred)

    def result(self):
        CountedMetric.n_calls += 1
        return super().result()


@pytest.fixture(autouse=True)
def _from_zero():
    Counted.n_calls = CountedMetric.n_calls = 0


def n_calls(action):
    """How often the loss is called meanwhile."""
    before = Counted.n_calls
    action()
    return Counted.n_calls - before


class Assigns(keras.callbacks.Callback):
    """Sets a weight at each epoch, and another one at each step."""

    def on_epoch_begin(self, epoch, logs=None):
        self.model.term_weights["age"] = 1.0 / (1 + epoch)

    def on_train_batch_end(self, batch, logs=None):
        self.model.term_weights["sex"] = 0.5 + batch


def model_of(weighting=None, *, weight=1.0, sex="mse", metrics=None, **options):
    terms = [kml.LossTerm(Counted(), "age", weight=weight), kml.LossTerm(sex, "sex", mask="nan")]
    model = kml.MultiLossModel.from_model(two_heads())
    loss = kml.WeightedSumLoss(terms, weighting=weighting)
    model.compile("sgd", loss=loss, metrics=metrics, **options)
    return model


def train(model, data, n_epochs, **options):
    model.fit(
        *data, epochs=n_epochs, validation_data=data, validation_batch_size=8, **BATCH, **options
    )


def assert_is_traced_once(model, **options):
    """One epoch traces all there is to trace, a step of training and one of validation."""
    data = two_heads_data(N_SAMPLES)
    assert n_calls(lambda: train(model, data, 1, **options)) == IN_TRAINING + SHAPES
    assert n_calls(lambda: train(model, data, 3, **options)) == 0
    assert n_calls(lambda: model.evaluate(*data, **BATCH)) == 0
    assert n_calls(lambda: model.predict(data[0], **BATCH)) == 0


@needs_graphs
def test_keras_itself_traces_as_often():
    """It also calls the loss once with symbols, on Keras 3."""
    x, y = two_heads_data(N_SAMPLES)
    model = two_heads()
    model.compile("sgd", loss={"age": CountedInKeras(), "sex": "mse"})
    first = n_calls(lambda: train(model, (x, y), 1))
    assert first - (IN_TRAINING + SHAPES) in {0, 1}
    assert n_calls(lambda: train(model, (x, y), 3)) == 0


WEIGHTINGS = [name for name in kml.weighting._weightings_by_name.NAMES.by_name if name != "static"]


@needs_graphs
@pytest.mark.sample(4)
@pytest.mark.parametrize("weighting", [None, *WEIGHTINGS])
def test_a_step_under_a_weighting_is_traced_once(weighting):
    assert_is_traced_once(model_of(weighting))


@needs_graphs
@pytest.mark.parametrize("aggregator", ["upgrad", "grad_drop", "grad_vac", "moco"])
def test_a_balanced_step_is_traced_once(aggregator):
    assert_is_traced_once(model_of(aggregator=aggregator))


@needs_graphs
def test_weights_that_are_assigned_trace_nothing():
    assert_is_traced_once(model_of("static"), callbacks=[Assigns()])


@needs_graphs
def test_weights_by_schedule_trace_nothing():
    falling = keras.optimizers.schedules.ExponentialDecay(1.0, 10, 0.9)
    assert_is_traced_once(model_of(weight=falling))


@needs_graphs
def test_a_scheduler_of_weights_traces_nothing():
    scheduler = kml.callbacks.TermWeightScheduler({"age": lambda epoch: 1.0 / (1 + epoch)})
    assert_is_traced_once(model_of("static"), callbacks=[scheduler])


@needs_graphs
def test_the_layer_is_traced_once():
    x, y = two_heads_data(N_SAMPLES)
    loss = kml.LossTerm(Counted(), "age") + kml.LossTerm("mse", "sex")
    model = kml.attach_losses(
        two_heads(), loss, {n: {"shape": (1,), "dtype": "float32"} for n in y}
    )
    model.compile("sgd")
    data = ({"x": x, **{f"{name}_label": label for name, label in y.items()}},)
    first = n_calls(lambda: model.fit(*data, **BATCH))
    assert first == IN_TRAINING
    assert n_calls(lambda: model.fit(*data, epochs=3, **BATCH)) == 0
    predicting = kml.strip_losses(model)
    assert n_calls(lambda: predicting.predict(x, **BATCH)) == 0


@pytest.mark.parametrize("aggregator", [None, "upgrad"])
def test_prediction_computes_no_loss_and_no_metric(aggregator):
    metrics = {"age": [CountedMetric()]}
    x, y = two_heads_data(N_SAMPLES)
    model = model_of("uncertainty", metrics=metrics, aggregator=aggregator)
    model.evaluate(x, y, **BATCH)
    assert (Counted.n_calls > 0, CountedMetric.n_calls > 0) == (True, True)
    Counted.n_calls = CountedMetric.n_calls = 0
    for _ in range(2):
        model.predict(x, **BATCH)
        model.predict_on_batch(x[:3])
        model(ops.convert_to_tensor(x[:3]))
    assert (Counted.n_calls, CountedMetric.n_calls) == (0, 0)


def test_prediction_leaves_the_state_of_rules_and_logs_as_they_are():
    x, y = two_heads_data(N_SAMPLES)
    model = model_of("dynamic_weight_average", aggregator="grad_vac")
    model.fit(x, y, **BATCH)
    kept = [*model.variables, *(v for metric in model.metrics for v in metric.variables)]
    before = [np.array(ops.convert_to_numpy(v)) for v in kept]
    model.predict(x, **BATCH)
    for old, variable in zip(before, kept, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(variable), old)
