"""What a rule has learned goes on where it can, and is never lost without a word."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import KERAS_3, keras, ops
from tests.conftest import two_heads, two_heads_data
from tests.lanes import BACKEND, needs_jax_backend

OPTIONS = {"batch_size": 8, "shuffle": False, "verbose": 0}
AGE, SEX = kml.LossTerm("mse", "age"), kml.LossTerm("mae", "sex")
SIZE = kml.LossTerm("mae", "age", name="size")


def model_with(loss, **options):
    model = kml.MultiLossModel.from_model(two_heads())
    model.compile(keras.optimizers.SGD(0.1), loss=loss, **options)
    return model


def values(layer):
    return {
        key: np.array(ops.convert_to_numpy(ops.convert_to_tensor(variable)))
        for key, variable in layer.state_variables().items()
    }


def same(found, expected):
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        np.testing.assert_array_equal(found[key], value, err_msg=key)


@pytest.mark.parametrize(
    ("weighting", "aggregator"), [("famo", None), ("uncertainty", None), (None, "grad_vac")]
)
def test_weights_that_are_loaded_before_compile_bring_the_state_with_them(
    weighting, aggregator, tmp_path
):
    path = tmp_path / "model.weights.h5"
    model = model_with(kml.WeightedSumLoss([AGE, SEX], weighting=weighting), aggregator=aggregator)
    model.fit(*two_heads_data(), epochs=2, **OPTIONS)
    model.save_weights(path)
    other = kml.MultiLossModel.from_model(two_heads())
    other.load_weights(path)
    assert other.term_weight_state() is None
    for weight, expected in zip(other.get_weights(), model.get_weights(), strict=False):
        np.testing.assert_array_equal(weight, expected)
    other.compile(
        "sgd", loss=kml.WeightedSumLoss([AGE, SEX], weighting=weighting), aggregator=aggregator
    )
    for holder in ("term_weight_state", "aggregator_state"):
        if getattr(model, holder)() is not None:
            same(values(getattr(other, holder)()), values(getattr(model, holder)()))
    other.compile("sgd", loss=kml.WeightedSumLoss([AGE, SEX], weighting="famo"))
    assert values(other.term_weight_state())["step"] == 0


def test_loaded_state_waits_for_one_compile_only(tmp_path):
    path = tmp_path / "model.weights.h5"
    model = model_with(kml.WeightedSumLoss([AGE, SEX], weighting="famo"))
    model.fit(*two_heads_data(), **OPTIONS)
    model.save_weights(path)
    other = kml.MultiLossModel.from_model(two_heads())
    other.load_weights(path)
    other.compile("sgd", loss=AGE + SEX)
    other.compile("sgd", loss=kml.WeightedSumLoss([AGE, SEX], weighting="famo"))
    assert values(other.term_weight_state())["step"] == 0


def test_state_of_other_terms_is_left_out_with_a_warning(tmp_path):
    path = tmp_path / "model.weights.h5"
    model_with(kml.WeightedSumLoss([AGE, SEX], weighting="famo")).save_weights(path)
    other = kml.MultiLossModel.from_model(two_heads())
    other.load_weights(path)
    with pytest.warns(UserWarning, match="The state of a file of weights is left out"):
        other.compile("sgd", loss=kml.WeightedSumLoss([AGE, SIZE], weighting="famo"))


def test_a_file_without_state_leaves_none_waiting(tmp_path):
    path = tmp_path / "model.weights.h5"
    model_with(AGE + SEX).save_weights(path)
    other = kml.MultiLossModel.from_model(two_heads())
    other.load_weights(path)
    other.compile("sgd", loss=kml.WeightedSumLoss([AGE, SEX], weighting="famo"))
    other.fit(*two_heads_data(), **OPTIONS)
    other.save(tmp_path / "model.keras")


class TestChangedSums:
    """A sum with the same rule and some of the terms."""

    def test_terms_that_stay_keep_their_weights(self):
        rule = kml.weighting.get("famo")
        model = model_with(kml.WeightedSumLoss([AGE, SEX], weighting=rule))
        model.fit(*two_heads_data(), epochs=3, **OPTIONS)
        before = values(model.term_weight_state())
        model.compile("sgd", loss=kml.WeightedSumLoss([SIZE, SEX, AGE], weighting=rule))
        after = values(model.term_weight_state())
        fresh = values(
            model_with(kml.WeightedSumLoss([SIZE, SEX, AGE], weighting="famo")).term_weight_state()
        )
        for key, old in before.items():
            if old.shape == (2,):
                np.testing.assert_array_equal(after[key][[2, 1]], old)
                np.testing.assert_array_equal(after[key][0], fresh[key][0])
            else:
                np.testing.assert_array_equal(after[key], old)

    def test_a_term_is_removed(self):
        rule = kml.weighting.get("uncertainty")
        model = model_with(kml.WeightedSumLoss([SIZE, AGE, SEX], weighting=rule))
        model.fit(*two_heads_data(), epochs=3, **OPTIONS)
        before = values(model.term_weight_state())
        model.compile(keras.optimizers.SGD(0.1), loss=model.loss.without("size"))
        after = values(model.term_weight_state())
        for key, old in before.items():
            np.testing.assert_array_equal(after[key], old[1:] if old.shape == (3,) else old)
        model.fit(*two_heads_data(), **OPTIONS)

    def test_a_schedule_goes_on(self):
        schedule = keras.optimizers.schedules.PolynomialDecay(1.0, 10, 0.1)
        model = model_with(AGE.replace(weight=schedule) + SEX)
        model.fit(*two_heads_data(), epochs=2, **OPTIONS)
        model.compile("sgd", loss=model.loss + SIZE)
        assert model.term_weights["age"] == pytest.approx(float(schedule(6)), rel=1e-6)
        model.compile("sgd", loss=AGE.replace(weight=schedule) + SEX)
        assert model.term_weights["age"] == 1.0

    def test_an_aggregator_goes_on(self):
        rule = kml.aggregation.get("grad_vac")
        model = model_with(AGE + SEX, aggregator=rule)
        model.fit(*two_heads_data(), epochs=2, **OPTIONS)
        before = values(model.aggregator_state())
        model.compile("sgd", loss=model.loss + SIZE, aggregator=rule)
        after = values(model.aggregator_state())
        for key, old in before.items():
            kept = after[key][tuple(slice(n) for n in old.shape)]  # the new term is the last one
            np.testing.assert_array_equal(kept, old)


class OwnStep(kml.MultiLossModel):
    """A training step of one's own, without balanced gradients."""

    def train_step(self, *args):
        if BACKEND == "jax":
            return self._step_on_jax(*args)
        x, y = args[0]
        if BACKEND == "torch":
            loss = self.compute_loss(x, y, self(x, training=True))
            loss.backward()
            return {"loss": loss}
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss = self.compute_loss(x, y, self(x, training=True))
        tape.gradient(loss, self.trainable_variables)
        return {"loss": loss}

    def _step_on_jax(self, state, data):
        x, y = data
        trainable, others, optimizer, metrics = state
        y_pred, others = self.stateless_call(trainable, others, x, training=True)
        loss = self.compute_loss(x, y, y_pred)
        return {"loss": loss}, (trainable, others, optimizer, metrics)


class CallsKeras(kml.MultiLossModel):
    """A training step that lets Keras do its own."""

    def train_step(self, *args):
        return super().train_step(*args)


def test_an_aggregator_refuses_a_training_step_that_goes_its_own_way():
    model = OwnStep.from_model(two_heads())
    model.compile("sgd", loss=AGE + SEX, aggregator="upgrad")
    with pytest.raises(Exception, match="a `train_step` of OwnStep that computes gradients itself"):
        model.fit(*two_heads_data(), **OPTIONS)


def test_a_plain_sum_trains_in_a_training_step_that_goes_its_own_way():
    model = OwnStep.from_model(two_heads())
    model.compile("sgd", loss=AGE + SEX)
    x, y = two_heads_data()
    assert np.isfinite(model.fit(x, y, **OPTIONS).history["loss"]).all()
    logs = model.evaluate(x, y, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(logs["age_loss"] + logs["sex_loss"], rel=1e-5)


@needs_jax_backend
def test_moving_weights_refuse_a_training_step_in_which_their_state_is_lost():
    model = OwnStep.from_model(two_heads())
    model.compile("sgd", loss=kml.WeightedSumLoss([AGE, SEX], weighting="famo"))
    with pytest.raises(ValueError, match="weights that change in training need the training step"):
        model.fit(*two_heads_data(), **OPTIONS)


def test_an_aggregator_works_in_a_training_step_that_calls_that_of_keras():
    model, plain = CallsKeras.from_model(two_heads()), model_with(AGE + SEX, aggregator="upgrad")
    model.set_weights(plain.get_weights()[:6])
    model.compile(keras.optimizers.SGD(0.1), loss=AGE + SEX, aggregator="upgrad")
    for one in (model, plain):
        one.fit(*two_heads_data(), **OPTIONS)
    for found, expected in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.skipif(not KERAS_3, reason="Keras 2 can go on with such files")
def test_an_h5_file_is_refused_with_the_way_out(tmp_path):
    model = model_with(AGE + SEX)
    with pytest.raises(ValueError, match=r"save\('model\.keras'\)"):
        model.save(tmp_path / "model.h5")
    kml.strip_losses(model).save(tmp_path / "model.h5")


class TestOptimizerOfTheModelBefore:
    def test_it_goes_on_where_a_term_was_added(self):
        model = kml.MultiLossModel.from_model(two_heads())
        model.compile("adam", loss=AGE + SEX)
        x, y = two_heads_data()
        model.fit(x, y, **OPTIONS)
        optimizer = model.optimizer
        model.compile(optimizer, loss=model.loss + SIZE)
        model.fit(x, y, **OPTIONS)
        assert int(ops.convert_to_numpy(optimizer.iterations)) == 6

    def test_it_is_refused_where_a_head_was_added(self):
        model = kml.MultiLossModel.from_model(two_heads())
        model.compile("adam", loss=AGE + SEX)
        x, y = two_heads_data()
        model.fit(x, y, **OPTIONS)
        head = keras.layers.Dense(1, name="new")(model.get_layer("hidden").output)
        larger = kml.MultiLossModel(model.input, {**model.output, "new": head})
        loss = model.loss + kml.LossTerm("mse", "new", labels="age")
        larger.compile(model.optimizer, loss=loss)
        with pytest.raises(
            ValueError, match=r"Adam without slots for \['new/kernel(.|\n)*Adam\.from"
        ):
            larger.fit(x, y, **OPTIONS)
        larger.compile(type(model.optimizer).from_config(model.optimizer.get_config()), loss=loss)
        larger.fit(x, y, **OPTIONS)
