"""Weightings inside models: logs, files, evaluation, freezing, in both hosts."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss import weighting as kw
from keras_multiloss._platform import keras, ops
from tests.conftest import two_heads, under_policy
from tests.lanes import BACKEND, needs_tensorflow_backend
from tests.weighting import hosts
from tests.weighting.hosts import (
    OPTIONS,
    RULES,
    TERMS,
    hosted,
    spec,
    state_of,
    term_weights,
    values_of,
)

every_rule = pytest.mark.parametrize("rule", hosts.every_rule())
both_hosts = pytest.mark.parametrize("host", ["model", "layer"])


def logs_of(model, data, host, **options):
    """The history of a training in which every term is logged."""
    logs = [kml.callbacks.TermLogs()] if host == "layer" and BACKEND == "jax" else []
    return model.fit(*data, callbacks=logs, **{**OPTIONS, **options}).history


@both_hosts
@every_rule
@pytest.mark.sample(2)
def test_the_log_of_a_step_adds_up(rule, host):
    model, data = hosted(host, spec(RULES[rule]()))
    history = logs_of(model, data, host, epochs=4, batch_size=24)  # one step an epoch
    total = np.array(history.get("weighting_loss", 0.0), "float64")
    for term in TERMS:
        total = total + np.array(history[f"{term}_weight"]) * np.array(history[f"{term}_loss"])
    # Sums of float32 numbers in another order; those of log_of_uncertainty nearly cancel.
    np.testing.assert_allclose(total, history["loss"], rtol=1e-5, atol=1e-5)


@both_hosts
@every_rule
@pytest.mark.sample(2)
def test_training_goes_on_bit_for_bit_in_a_fresh_process(rule, host, fresh_process, model_path):
    model, data = hosted(host, spec(RULES[rule](), mask="nan"))
    model.fit(*data, epochs=3, **OPTIONS)
    model.save(model_path)
    history = model.fit(*data, initial_epoch=3, epochs=6, **OPTIONS).history
    _, resumed, after = fresh_process.load(
        model_path,
        ("fit", data, {"initial_epoch": 3, "epochs": 6, **OPTIONS}),
        ("get_weights", (), {}),
    )
    assert resumed == history
    for one, other in zip(model.get_weights(), after, strict=True):
        np.testing.assert_array_equal(other, one)


@both_hosts
@every_rule
@pytest.mark.sample(2)
def test_evaluation_moves_nothing(rule, host):
    model, data = hosted(host, spec(RULES[rule]()))
    model.fit(*data, epochs=3, **OPTIONS)
    before = values_of(model)
    first = model.evaluate(*data, verbose=0, return_dict=True)
    assert values_of(model) == before
    assert model.evaluate(*data, verbose=0, return_dict=True) == first
    model.fit(*data, validation_data=(data if host == "model" else (data[0], None)), **OPTIONS)


@both_hosts
@pytest.mark.parametrize("rule", ["uncertainty", "impartial", "famo", "relobralo"])
@pytest.mark.sample(2)
def test_a_frozen_rule_stays_as_it_is(rule, host):
    model, data = hosted(host, spec(RULES[rule]()))
    model.fit(*data, epochs=2, **OPTIONS)
    frozen = values_of(model)
    term_weights(model).trainable = False
    model.compile("adam", **({"loss": model.loss} if host == "model" else {}))
    assert values_of(model) == frozen
    model.fit(*data, epochs=2, **OPTIONS)
    moved = [k for k, (a, b) in enumerate(zip(frozen, values_of(model), strict=True)) if a != b]
    # Steps are still counted.
    assert len(moved) == 1
    assert not term_weights(model).trainable


@both_hosts
def test_trained_slots_are_the_only_trained_weights_of_a_rule(host):
    for rule, n_trained in {"uncertainty": 1, "impartial": 1, "famo": 0, "static": 0}.items():
        model, _ = hosted(host, spec(RULES[rule]()))
        assert len(state_of(model).trainable_weights) == n_trained
        n_of_network = len(two_heads().trainable_weights)
        assert len(model.trainable_weights) == n_of_network + n_trained


def test_both_hosts_train_alike():
    weights = []
    for host in ("model", "layer"):
        keras.utils.set_random_seed(3)
        model, data = hosted(host, spec(RULES["uncertainty"]()), keras.optimizers.SGD(0.1))
        model.fit(*data, epochs=3, **OPTIONS)
        weights.append([*model.get_layer("age").get_weights(), *values_of(model)])
    for one, other in zip(*weights, strict=True):
        # The same operations, traced in another order.
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_the_optimizer_of_the_model_trains_the_log_variances():
    model, data = hosted("model", spec(RULES["uncertainty"]()), keras.optimizers.SGD(0.1))
    logs = model.fit(*data, batch_size=24, epochs=1, verbose=0).history
    losses = np.array([logs[f"{term}_loss"][0] for term in TERMS])
    # One step from s = 0 along -(w (-a e^-s l) + 1/2), for w in the terms and a in the rule.
    scales = np.array([0.5, 1.0, 0.1]) * np.array([0.5, 1.0, 0.5])
    expected = -0.1 * (0.5 - scales * losses)
    log_variance = ops.convert_to_numpy(state_of(model).state["log_variance"])
    np.testing.assert_allclose(log_variance, expected, rtol=1e-5)


def test_mixed_precision_keeps_the_state_in_float32():
    with under_policy("mixed_bfloat16"):
        model, data = hosted("model", spec(RULES["famo"]()))
        model.fit(*data, epochs=2, **OPTIONS)
    dtypes = {str(weight.dtype) for weight in state_of(model).weights}
    assert all("float32" in dtype or "int32" in dtype for dtype in dtypes)


def test_other_added_losses_are_left_alone():
    regularized = two_heads(kernel_regularizer=keras.regularizers.L2(0.5))
    model = kml.MultiLossModel.from_model(regularized)
    model.compile("sgd", loss=spec("geometric_mean"))
    x, y = hosted("model", spec(None))[1]
    logs = model.evaluate(x, y, verbose=0, return_dict=True)
    kernel = model.get_layer("age").get_weights()[0]
    terms = sum(logs[f"{t}_weight"] * logs[f"{t}_loss"] for t in TERMS)
    assert logs["loss"] - terms == pytest.approx(0.5 * np.sum(kernel**2), rel=1e-4)


def test_strip_leaves_no_state():
    model, _ = hosted("layer", spec("uncertainty"))
    stripped = kml.strip_losses(model)
    assert len(stripped.weights) == len(two_heads().weights)
    assert all(
        type(layer).__module__.split(".")[0] != "keras_multiloss" for layer in stripped.layers
    )


@pytest.mark.filterwarnings("ignore:Gradients do not exist")  # of the head without a label
def test_terms_that_are_not_there_keep_their_state():
    loss = spec("soft_adapt", required=False)
    model, (x, y) = hosted("model", loss)
    model.fit(x, y, epochs=2, **OPTIONS)
    place = model.loss.names.index("sex")
    before = [np.array(values)[place] for values in values_of(model) if np.ndim(values)]
    history = model.fit(x, {"age": y["age"]}, epochs=1, **OPTIONS).history
    after = [np.array(values)[place] for values in values_of(model) if np.ndim(values)]
    assert "sex_loss" not in history
    assert after == before
    others = history["age_weight"][0] / 0.5 + history["size_weight"][0] / 0.1
    assert others == pytest.approx(1.0, rel=0.05)  # logged weights are means weighted by losses


@both_hosts
def test_a_term_of_weight_zero_is_switched_off_without_nan(host):
    off_then_on = keras.optimizers.schedules.PiecewiseConstantDecay([3], [0.0, 1.0])
    loss = kml.LossTerm("mse", "age") + kml.LossTerm(not_finite, "sex", weight=off_then_on)
    model, data = hosted(host, loss, keras.optimizers.SGD(0.1))
    history = logs_of(model, data, host, epochs=1)
    assert np.isfinite(history["loss"]).all()
    assert history["sex_loss"] == [0.0]
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


@keras.saving.register_keras_serializable(package="tests")
def not_finite(y_true, y_pred):

    return ops.mean(ops.log(y_pred * 0.0), axis=-1)


@pytest.mark.parametrize("weighting", ["famo", "geometric_mean", "uncertainty"])
@pytest.mark.sample(2)
def test_a_switched_off_term_does_not_disturb_a_rule(weighting):
    off = keras.optimizers.schedules.PolynomialDecay(0.0, 10, 0.0)
    terms = kml.LossTerm("mse", "age") + kml.LossTerm(not_finite, "sex", weight=off)
    model, data = hosted("model", kml.WeightedSumLoss(terms, weighting=weighting))
    history = model.fit(*data, epochs=2, **OPTIONS).history
    assert np.isfinite(history["loss"]).all()
    assert np.isfinite(history["age_weight"]).all()


def test_compiling_again_starts_the_rule_anew():
    model, data = hosted("model", spec("uncertainty"))
    model.fit(*data, epochs=2, **OPTIONS)
    model.compile("adam", loss=spec("famo"))
    assert len(model.trainable_weights) == len(two_heads().trainable_weights)
    model.fit(*data, epochs=1, **OPTIONS)
    model.compile("adam", loss=kml.LossTerm("mse", "age"))
    assert len(model.weights) == len(two_heads().weights)


def test_a_rule_of_ones_own_trains_saves_and_reloads(model_path):
    model, data = hosted("model", spec(InverseLossWeighting(momentum=0.5)))
    model.fit(*data, epochs=2, **OPTIONS)
    model.save(model_path)
    reloaded = keras.saving.load_model(model_path)
    assert reloaded.loss.weighting.momentum == 0.5
    expected = model.evaluate(*data, verbose=0, return_dict=True)
    assert reloaded.evaluate(*data, verbose=0, return_dict=True) == expected


@keras.saving.register_keras_serializable(package="tests")
class InverseLossWeighting(kw.Weighting):
    """Each loss over its running mean."""

    def __init__(self, momentum=0.9):
        self.momentum = momentum

    def initial_state(self, names):
        return {"mean": kw.StateVariable(np.ones(len(names)))}

    def advance(self, losses, state):
        mean = self.momentum * state["mean"] + (1 - self.momentum) * losses
        return {**state, "mean": mean}

    def weights(self, losses, state):
        return 1 / state["mean"]


def test_log_variances_stay_within_their_bounds_in_training():
    rule = kw.UncertaintyWeighting(min_log_variance=-0.05, max_log_variance=0.05)
    model, data = hosted("model", spec(rule), keras.optimizers.SGD(0.5))
    model.fit(*data, epochs=2, **OPTIONS)
    (log_variance,) = state_of(model).trainable_weights
    # Without the bounds each step would move them by about a quarter.
    np.testing.assert_allclose(np.abs(ops.convert_to_numpy(log_variance)), 0.05, rtol=1e-6)


@needs_tensorflow_backend
@pytest.mark.parametrize("rule", ["dynamic_weight_average", "famo", "soft_adapt", "uncertainty"])
@pytest.mark.sample(2)
def test_a_compiled_step_moves_weights_as_an_eager_one_does(rule):
    found = []
    for options in ({"jit_compile": True}, {"run_eagerly": True}):
        keras.utils.set_random_seed(3)
        x, y = hosted("model", spec(None))[1]
        keras.utils.set_random_seed(3)
        model = kml.MultiLossModel.from_model(two_heads())
        model.compile(keras.optimizers.SGD(0.1), loss=spec(RULES[rule]()), **options)
        model.fit(x, y, epochs=4, **OPTIONS)
        found.append([np.array(values, "float64") for values in values_of(model)])
    for compiled, eager in zip(*found, strict=True):
        # XLA joins operations, which rounds differently; Adam inside FAMO divides small numbers.
        np.testing.assert_allclose(compiled, eager, rtol=1e-3, atol=1e-4)


def test_a_subclassed_model_learns_its_weights():
    class Net(kml.models.MultiLossMixin, keras.Model):
        def __init__(self):
            super().__init__()
            self.age = keras.layers.Dense(1)
            self.sex = keras.layers.Dense(1, activation="sigmoid")

        def call(self, x):
            return {"age": self.age(x), "sex": self.sex(x)}

    x, y = hosted("model", spec(None))[1]
    model = Net()
    model.compile("adam", loss=spec("uncertainty"))
    model.fit(x, y, epochs=2, **OPTIONS)
    (log_variance,) = state_of(model).trainable_weights
    assert (ops.convert_to_numpy(log_variance) != 0).all()
    assert len(model.trainable_weights) == 5
