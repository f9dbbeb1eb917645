"""What callbacks, `History` and users see of the logs of a step, which leave it as one vector."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras
from tests.lanes import BACKEND, needs_keras_3, needs_steps_per_execution

NAMES = ["a", "b", "c"]


class Seen(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.batches, self.tests = [], []

    def on_train_batch_end(self, batch, logs=None):
        self.batches.append(dict(logs))

    def on_test_batch_end(self, batch, logs=None):
        self.tests.append(dict(logs))


class OwnStep(kml.MultiLossModel):
    """Its step reads the logs by name."""

    def train_step(self, *args):
        found = super().train_step(*args)
        logs = found[0] if BACKEND == "jax" else found
        assert {"loss", "a_loss", "b_loss", "c_loss"} <= set(logs)
        return found


class OwnMetrics(kml.MultiLossModel):
    """Its logs have one more, made of another."""

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        logs = super().compute_metrics(x, y, y_pred, sample_weight)
        return {**logs, "double": 2.0 * logs["a_loss"]}


def data(n=20):
    rng = np.random.default_rng(2)
    x = rng.normal(size=(n, 3)).astype("float32")
    return x, {n: (k + x[:, :1]) for k, n in enumerate(NAMES)}


def compiled(cls=kml.MultiLossModel, weighting="uncertainty", **options):
    keras.utils.set_random_seed(1)
    x = keras.Input((3,), name="x")
    model = cls(x, {n: keras.layers.Dense(1, name=n)(x) for n in NAMES})
    terms = [kml.LossTerm("mse", n) for n in NAMES]
    loss = kml.WeightedSumLoss(terms, weighting=weighting)
    model.compile(keras.optimizers.SGD(0.01), loss=loss, metrics={"a": ["mae"]}, **options)
    return model


def fitted(model, **options):
    seen = Seen()
    x, y = data()
    arguments = {"batch_size": 8, "epochs": 2, "verbose": 0, "shuffle": False, **options}
    history = model.fit(x, y, callbacks=[seen], validation_data=(x, y), **arguments)
    return history.history, seen


def test_a_callback_sees_numbers_by_name_in_every_batch():
    _, seen = fitted(compiled())
    names = {f"{n}_{what}" for n in NAMES for what in ("loss", "weight")}
    assert len(seen.batches) == 6
    for logs in [*seen.batches, *seen.tests]:
        assert set(logs) == {*names, "loss", "a_mae", "weighting_loss"}
        assert all(np.isfinite(float(value)) for value in logs.values())


@pytest.mark.parametrize("cls", [OwnStep, OwnMetrics])
def test_logs_are_those_of_a_model_whose_own_step_reads_them_by_name(cls):
    history, seen = fitted(compiled())
    expected, others = fitted(compiled(cls))
    for logs, other in zip([history, *seen.batches], [expected, *others.batches], strict=True):
        for name, value in logs.items():
            np.testing.assert_allclose(value, other[name], rtol=1e-6, err_msg=name)
    if cls is OwnMetrics and BACKEND != "jax":
        assert others.batches[-1]["double"] == pytest.approx(2.0 * others.batches[-1]["a_loss"])


def test_single_batches_have_their_logs_by_name():
    model, (x, y) = compiled(), data()
    # Keras 3.7 gives arrays of one number.
    before = {n: float(v) for n, v in model.test_on_batch(x, y, return_dict=True).items()}
    assert model.evaluate(x, y, verbose=0, return_dict=True) == pytest.approx(before, rel=1e-5)
    trained = model.train_on_batch(x, y, return_dict=True)
    assert trained["a_loss"] == pytest.approx(before["a_loss"], rel=1e-5)
    listed = dict(zip(model.metrics_names, model.test_on_batch(x, y), strict=True))
    assert set(listed) == set(before)


@needs_keras_3
def test_one_vector_leaves_a_compiled_step():
    """The losses of many terms leave it as one tensor: that is what makes it fast."""
    from keras_multiloss._platform import PACKED

    model, (x, y) = compiled(), data()
    found = []
    result = type(model.metrics[-1]).result

    def noted(metric):
        logs = result(metric)
        found.append(set(logs))
        return logs

    model.metrics  # noqa: B018
    means = next(m for m in model.metrics if m.name == "term_losses")
    means.result = lambda: noted(means)
    model.fit(x, y, batch_size=8, verbose=0)
    assert {PACKED} in found


@needs_steps_per_execution
def test_several_steps_in_one_call_log_the_last():
    history, _ = fitted(compiled())
    of_several, seen = fitted(compiled(steps_per_execution=3))
    for name, values in history.items():
        np.testing.assert_allclose(of_several[name], values, rtol=1e-5, err_msg=name)
    assert len(seen.batches) == 2


def test_a_model_that_runs_eagerly_logs_the_same():
    if BACKEND == "jax":
        pytest.skip("JAX runs no step eagerly in a reasonable time")
    history, _ = fitted(compiled())
    eager, _ = fitted(compiled(run_eagerly=True))
    for name, values in history.items():
        np.testing.assert_allclose(eager[name], values, rtol=1e-4, err_msg=name)
