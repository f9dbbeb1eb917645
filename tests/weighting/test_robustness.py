"""Weightings where training does not go smoothly: switched off, overflowed, unlabelled, frozen."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss import weighting as kw
from keras_multiloss._platform import keras, ops
from tests.conftest import two_heads
from tests.lanes import needs_tensorflow_backend
from tests.weighting.hosts import OPTIONS, hosted, spec, state_of, term_weights, values_of

both_hosts = pytest.mark.parametrize("host", ["model", "layer"])
ADAPTIVE = ["famo", "soft_adapt", "relobralo", "smooth_tchebycheff"]


def state(model, slot):
    return ops.convert_to_numpy(state_of(model).state[slot])


@both_hosts
@pytest.mark.parametrize("rule", ["uncertainty", "famo"])
@pytest.mark.sample(2)
def test_a_frozen_rule_stays_frozen_in_a_file(rule, host, model_path):
    model, data = hosted(host, spec(rule))
    model.fit(*data, **OPTIONS)
    term_weights(model).trainable = False
    model.compile("adam", **({"loss": model.loss} if host == "model" else {}))
    history = model.fit(*data, **OPTIONS).history
    model.save(model_path)
    reloaded = keras.saving.load_model(model_path)
    assert not term_weights(reloaded).trainable
    frozen = [x for x in values_of(reloaded) if np.ndim(x)]
    resumed = reloaded.fit(*data, **OPTIONS).history
    assert [x for x in values_of(reloaded) if np.ndim(x)] == frozen
    assert resumed == model.fit(*data, **OPTIONS).history
    assert history != resumed


def test_a_rule_of_a_model_that_is_not_trainable_is_frozen():
    model = kml.MultiLossModel.from_model(two_heads())
    model.trainable = False
    model.compile("sgd", loss=spec("famo"))
    assert not model.term_weights.trainable


@needs_tensorflow_backend
@pytest.mark.parametrize("gives_inputs", [True, False])
def test_a_train_step_of_ones_own_moves_rules_and_schedules(gives_inputs):
    import tensorflow as tf

    class Own(kml.MultiLossModel):
        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                y_pred = self(x, training=True)
                loss = self.compute_loss(x=x if gives_inputs else None, y=y, y_pred=y_pred)
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
            return {"loss": loss}

    plain = two_heads()
    model = Own(plain.input, plain.output)
    model.compile("sgd", loss=spec("famo"))
    x, y = hosted("model", spec(None))[1]
    model.fit(x, y, epochs=2, **OPTIONS)
    assert int(ops.convert_to_numpy(state_of(model).step)) == 6
    assert (state(model, "logit") != 0).any()
    model.evaluate(x, y, verbose=0)
    assert int(ops.convert_to_numpy(state_of(model).step)) == 6


@pytest.mark.filterwarnings("ignore:Gradients do not exist")  # of the head of the term
@pytest.mark.parametrize("rule", ["impartial_loss", "uncertainty"])
@pytest.mark.parametrize("off", ["constant", "schedule"])
def test_a_trained_slot_of_a_term_that_is_off_stays(rule, off):
    zero = keras.optimizers.schedules.PolynomialDecay(0.0, 9, 0.0)
    loss = spec(rule, weight=0.0 if off == "constant" else zero)
    model, data = hosted("model", loss, keras.optimizers.SGD(1.0))
    history = model.fit(*data, epochs=3, **OPTIONS).history
    assert np.isfinite(history["loss"]).all()
    slot = {"impartial_loss": "scale", "uncertainty": "log_variance"}[rule]
    moved = state(model, slot)
    assert moved[1] == 0.0
    assert (moved[[0, 2]] != 0.0).all()


def test_a_rule_gives_no_gradient_where_its_schedule_is_zero():
    zero = keras.optimizers.schedules.PolynomialDecay(0.0, 9, 0.0)
    terms = kml.LossTerm("mse", "age") + kml.LossTerm(not_finite_gradient, "sex")
    rule = kw.ScheduledWeighting({"sex": zero})
    model, data = hosted("model", kml.WeightedSumLoss(terms, weighting=rule))
    model.fit(*data, **OPTIONS)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


@keras.saving.register_keras_serializable(package="tests")
def not_finite_gradient(y_true, y_pred):
    return ops.mean(ops.sqrt(y_pred * 0.0), axis=-1)


@pytest.mark.parametrize("rule", ADAPTIVE)
@pytest.mark.sample(2)
def test_a_step_that_overflows_moves_nothing(rule):
    model, (x, y) = hosted("model", spec(rule), keras.optimizers.SGD(0.0))
    model.fit(x, y, **OPTIONS)
    before = values_of(model)
    broken = {**y, "age": np.full_like(y["age"], 1e30)}  # whose square float32 has not
    model.fit(x, broken, batch_size=24, shuffle=False, verbose=0)
    after = values_of(model)
    changed = [a for a, b in zip(after, before, strict=True) if a != b and np.ndim(a)]
    assert all(np.size(values) == 3 for values in changed)  # the weights that acted
    assert np.isfinite([v for k in state_of(model).state for v in np.ravel(state(model, k))]).all()


@pytest.mark.parametrize("rule", [*ADAPTIVE, "geometric_mean", "uncertainty", "impartial_loss"])
def test_a_batch_without_a_label_leaves_the_others_alone(rule):
    model, (x, y) = hosted("model", spec(rule, mask="nan"), keras.optimizers.SGD(0.01))
    unlabelled = {**y, "sex": np.full_like(y["sex"], np.nan)}
    model.fit(x, unlabelled, **OPTIONS)
    weights = model.term_weights
    # Beside a loss of 1e-8, those of some rules would be 1e-8 as well.
    assert min(weights["age"], weights["size"]) > 1e-3
    if rule == "relobralo":
        assert state(model, "first")[1] == 0.0  # not known yet
        assert state(model, "is_known").tolist() == [1.0, 0.0, 1.0]


def test_a_warm_up_from_zero_puts_no_made_up_loss_into_the_state():
    ramp = keras.optimizers.schedules.PolynomialDecay(0.0, 1, 1.0)  # 0 at the first step only
    model, (x, y) = hosted("model", spec("relobralo", weight=ramp), keras.optimizers.SGD(0.0))
    model.fit(x[:16], {name: label[:16] for name, label in y.items()}, **OPTIONS)
    values = model.loss.term_losses(
        {name: label[8:16] for name, label in y.items()}, model.predict(x[8:16], verbose=0)
    )
    assert state(model, "first")[1] == pytest.approx(float(values["sex"]), rel=1e-5)


def test_weights_of_a_plain_model_load_into_one_with_a_rule(tmp_path):
    if not keras.__version__.startswith("3"):
        pytest.skip("Keras 2 counts the layers of weights files")
    plain = kml.MultiLossModel.from_model(two_heads())
    plain.compile("sgd", loss=spec(None))
    plain.save_weights(tmp_path / "plain.weights.h5")
    model, data = hosted("model", spec("uncertainty"))
    model.load_weights(tmp_path / "plain.weights.h5")
    expected = plain.predict(data[0], verbose=0)["age"]
    np.testing.assert_array_equal(model.predict(data[0], verbose=0)["age"], expected)


def test_factors_of_terms_do_not_change_what_a_log_transform_learns():
    found = []
    for factor in (1.0, 5.0):
        terms = kml.LossTerm("mse", "age", weight=factor) + kml.LossTerm("mae", "sex")
        loss = kml.WeightedSumLoss(terms, weighting=kw.LogTransform("uncertainty"))
        keras.utils.set_random_seed(3)
        model, data = hosted("model", loss, keras.optimizers.SGD(0.0))
        model.optimizer.learning_rate = 0.1
        for weight in model.trainable_weights:
            weight.assign(weight * 0.5)
        model.fit(data[0], data[1], batch_size=24, epochs=1, verbose=0)
        found.append(state(model, "log_variance"))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5)


def test_one_name_of_a_classification_is_one_name():
    assert kw.UncertaintyWeighting(classification="sex").classification == ["sex"]


def test_seeds_are_not_negative():
    with pytest.raises(ValueError, match="`seed` is out of range"):
        kw.RandomLossWeighting(seed=-1)
