"""`compile(aggregator=..., every_n_steps=...)`: weights that are kept from step to step."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss import aggregation as ka
from keras_multiloss._platform import KERAS_3, backend, fan_out, keras, ops
from tests.balancing import (
    OPTIONS,
    RATE,
    SMALL,
    TASKS,
    assert_goes_on_in_a_fresh_process,
    assert_same,
    compiled,
    data,
    exact,
    network,
    trained,
)
from tests.conftest import under_policy
from tests.lanes import (
    both_mixed_policies,
    needs_steps_per_execution,
    needs_tape,
    needs_tensorflow_backend,
)

N = 24
WHOLE = {**OPTIONS, "batch_size": N}

#: Rules of the Gramian: without state, random, with state, of the losses, of another rule.
RULES = {
    "upgrad": ka.UPGrad,
    "pcgrad": lambda: ka.PCGrad(seed=3),
    "gradvac": lambda: ka.GradVac(seed=3),
    "gradnorm": ka.GradNorm,
    "share": lambda: ka.ShareOfGradient(beta=0.5),
    "cr-mogm": lambda: ka.CRMOGM("mgda"),
}
SAMPLE = {"upgrad", "gradnorm"}
every_rule = pytest.mark.parametrize(
    "rule",
    [pytest.param(rule, marks=() if rule in SAMPLE else pytest.mark.slow) for rule in RULES],
)


def kept(model):
    """What the state has for the steps in between, as arrays."""
    found = model.aggregator_state().state_variables()
    return tuple(
        np.array(ops.convert_to_numpy(found[k] + 0)) for k in ("kept_weights", "steps_left")
    )


def step(model):
    model.fit(*data(N), **WHOLE)


def branched(weighting=None, **options):
    """A network with parameters that all tasks share, that two share, and that are of one.

    Kernels are penalised, so that each also has a gradient of no task.
    """
    keras.utils.set_random_seed(11)
    dense = {"kernel_regularizer": keras.regularizers.L2(1e-3), "activation": "tanh"}
    x = keras.Input((5,), name="x")
    trunk = keras.layers.Dense(4, name="all", **dense)(x)
    pair = keras.layers.Dense(4, name="two", **dense)(trunk)
    ends = {"a": pair, "b": pair, "c": trunk}
    hidden = {t: keras.layers.Dense(3, name=f"one_{t}", **dense)(ends[t]) for t in TASKS}
    model = kml.MultiLossModel(x, {t: keras.layers.Dense(1, name=t)(hidden[t]) for t in TASKS})
    terms = [SMALL * kml.LossTerm("mse", task) for task in TASKS]
    loss = kml.WeightedSumLoss(terms, weighting=weighting)
    model.compile(keras.optimizers.SGD(RATE / SMALL), loss=loss, **options)
    return model


def same_weights(one, other, n=None, **tolerance):
    pairs = list(zip(one.get_weights(), other.get_weights(), strict=False))
    for found, expected in pairs[:n]:
        np.testing.assert_allclose(found, expected, **tolerance)


class TestGradients:
    @pytest.mark.parametrize("weighting", [None, "uncertainty"])
    @pytest.mark.parametrize("weights", [[2.0, 0.5, 1.5], [3.0, 0.0, 0.0]])
    @pytest.mark.sample(2)
    def test_a_step_in_between_equals_exact_mode_with_the_same_weights(self, weights, weighting):
        models = [
            branched(weighting, aggregator=ka.Constant(weights), every_n_steps=k) for k in (1, 3)
        ]
        for _ in range(3):
            for model in models:
                step(model)
            n = len(models[0].trainable_variables)
            assert n == 16 + (weighting is not None)
            pairs = zip(*(m.trainable_variables for m in models), strict=True)
            for one, other in ([ops.convert_to_numpy(v + 0) for v in pair] for pair in pairs):
                # Sums of float32 in another order, after steps of up to 3.
                np.testing.assert_allclose(one, other, rtol=2e-5, atol=1e-5)

    def test_the_rule_has_its_turn_at_each_nth_step(self):
        model = branched(aggregator="upgrad", every_n_steps=3)
        seen, expected = [], []
        for _ in range(7):
            gramian = model.task_gramian(*data(N)).astype("float32")
            expected.append(ops.convert_to_numpy(ka.UPGrad().weights(gramian)))
            step(model)
            seen.append(kept(model))
        weights, left = zip(*seen, strict=True)
        assert [int(n) for n in left] == [2, 1, 0, 2, 1, 0, 2]
        for i in range(7):
            # Two programs round sums over 24 samples in their own ways.
            np.testing.assert_allclose(weights[i], expected[i - i % 3], rtol=1e-3)
        assert not np.allclose(weights[0], weights[3], rtol=1e-3)

    def test_each_step_follows_the_weights_of_its_turn(self):
        model = branched(aggregator="mgda", every_n_steps=2)
        for i in range(4):
            before = model.get_weights()
            step(model)
            reference = branched(aggregator=ka.Constant([float(w) for w in kept(model)[0]]))
            reference.set_weights(before[: len(reference.get_weights())])
            step(reference)
            same_weights(model, reference, n=16, rtol=2e-5, atol=1e-6)
            assert i % 2 == 1 - int(kept(model)[1])

    @needs_tape
    def test_steps_in_between_take_one_backward_pass_of_the_trunk(self):
        passes = []

        class Counted(keras.layers.Layer):
            def call(self, x):
                return fan_out([x], 1, ops.zeros(()), self.backward)[0][0]

            def backward(self, step, upstream):
                return [_noted(passes, upstream[0][0])]

        x = keras.Input((5,), name="x")
        features = keras.layers.Dense(4)(Counted()(keras.layers.Dense(4)(x)))
        heads = {t: keras.layers.Dense(1)(features) for t in TASKS}
        model = kml.MultiLossModel(x, heads)
        compiled(model, aggregator="upgrad", every_n_steps=3, jit_compile=False)
        counts = []
        for _ in range(4):
            passes.clear()
            step(model)
            counts.append(len(passes))
        assert counts == [3, 1, 1, 3]

    @needs_tensorflow_backend
    def test_a_compiled_and_an_eager_step_are_alike(self):
        one, *others = (
            trained(exact("upgrad", every_n_steps=2, **options))
            for options in ({"run_eagerly": True}, {"jit_compile": True}, {"jit_compile": False})
        )
        for other in others:
            assert_same(one, other, rtol=1e-5, atol=1e-6)

    @pytest.mark.parametrize("cell", ["LSTM", "GRU"])
    @pytest.mark.sample(1)
    def test_loops_over_time_are_shared_as_well(self, cell):
        models = []
        for k in (1, 2):
            keras.utils.set_random_seed(11)
            x = keras.Input((6, 3), name="x")
            features = getattr(keras.layers, cell)(4)(x)
            heads = {t: keras.layers.Dense(1)(features) for t in TASKS}
            model = kml.MultiLossModel(x, heads)
            compiled(model, aggregator=ka.Constant([2.0, 0.5, 1.0]), every_n_steps=k)
            inputs = np.random.default_rng(1).normal(size=(N, 6, 3)).astype("float32")
            model.fit(inputs, data(N)[1], **OPTIONS)
            models.append(model)
        same_weights(*models, n=3, rtol=1e-5, atol=1e-6)

    def test_embeddings_are_shared_as_well(self):
        models = []
        for k in (1, 2):
            keras.utils.set_random_seed(11)
            x = keras.Input((3,), dtype="int32", name="x")
            features = keras.layers.Flatten()(keras.layers.Embedding(6, 4)(x))
            heads = {t: keras.layers.Dense(1)(features) for t in TASKS}
            model = kml.MultiLossModel(x, heads)
            compiled(model, aggregator=ka.Constant([2.0, 0.5, 1.0]), every_n_steps=k)
            model.fit(np.arange(72).reshape(N, 3) % 6, data(N)[1], **OPTIONS)
            models.append(model)
        same_weights(*models, n=1, rtol=1e-5, atol=1e-6)

    @needs_steps_per_execution
    def test_steps_that_are_executed_together_count_one_by_one(self):
        models = [
            exact("upgrad", every_n_steps=2, **options)
            for options in ({}, {"steps_per_execution": 3})
        ]
        assert_same(*(trained(model) for model in models), rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(*(kept(model)[1] for model in models))


def _noted(passes, gradient):
    """The gradient; whenever it is computed, that is noted."""
    if backend() == "torch":
        passes.append(1)
        return gradient
    import tensorflow as tf

    def note(value):
        passes.append(1)
        return value

    found = tf.numpy_function(note, [gradient], gradient.dtype, stateful=False)
    return tf.ensure_shape(found, gradient.shape)


class TestState:
    @every_rule
    @pytest.mark.parametrize("epochs", [1, 2])
    @pytest.mark.sample(1)
    def test_training_goes_on_bit_for_bit_from_any_step(
        self, rule, epochs, fresh_process, model_path
    ):
        # Epochs of three steps, turns of four: files of the middle of a turn.
        model = exact(RULES[rule](), "adam", activation="tanh", every_n_steps=4)
        model.fit(*data(), epochs=epochs, **OPTIONS)
        assert int(kept(model)[1]) == {1: 1, 2: 2}[epochs]
        assert_goes_on_in_a_fresh_process(model, fresh_process, model_path)

    def test_the_rule_sees_the_steps_of_its_turns_only(self):
        """`GradNorm` moves its weights whenever it sees a step."""
        model = exact("gradnorm", every_n_steps=3)
        seen = []
        for _ in range(4):
            step(model)
            seen.append(model.aggregator_state().values()["rule_next_weights"])
        seen = [ops.convert_to_numpy(x) for x in seen]
        np.testing.assert_array_equal(seen[0], seen[2])
        assert not np.array_equal(seen[0], seen[3])

    def test_evaluation_moves_nothing(self):
        model = exact("upgrad", every_n_steps=3)
        step(model)
        before = kept(model)
        model.evaluate(*data(), verbose=0)
        for one, other in zip(before, kept(model), strict=True):
            np.testing.assert_array_equal(one, other)

    def test_a_file_has_the_number_of_steps(self, model_path):
        model = exact("upgrad", every_n_steps=3)
        assert model.get_compile_config()["every_n_steps"] == 3
        model.save(model_path)
        loaded = keras.saving.load_model(model_path)
        assert loaded.aggregator_state().every_n_steps == 3

    def test_old_files_have_turns_at_every_step(self):
        model = exact("upgrad")
        config = model.get_compile_config()
        del config["every_n_steps"]
        model.compile_from_config(config)
        assert model.aggregator_state().every_n_steps == 1
        assert "steps_left" not in model.aggregator_state().state_variables()

    def test_with_another_number_of_steps_the_state_goes_on_and_the_rule_has_its_turn(self):
        rule = ka.GradNorm()
        model = exact(rule, every_n_steps=5)
        step(model)
        before = [ops.convert_to_numpy(model.aggregator_state().values()["rule_next_weights"])]
        model.compile("sgd", loss=model.loss, aggregator=rule, every_n_steps=2)
        state = model.aggregator_state().values()
        np.testing.assert_array_equal(ops.convert_to_numpy(state["rule_next_weights"]), before[0])
        assert int(kept(model)[1]) == 0
        model.compile("sgd", loss=model.loss, aggregator=rule, every_n_steps=2)
        assert model.aggregator_state().every_n_steps == 2

    def test_a_turn_that_is_not_finite_is_taken_again(self):
        model = exact("upgrad", every_n_steps=3)
        x, y = data(N)
        model.fit(x * np.float32("inf"), y, **WHOLE)
        weights, left = kept(model)
        assert int(left) == 0
        np.testing.assert_array_equal(weights, 0.0)

    @both_mixed_policies
    @pytest.mark.sample(1)
    def test_mixed_precision_keeps_weights_in_float32(self, policy):
        with under_policy(policy):
            model = exact("upgrad", every_n_steps=2)
        # Three significant digits of half precision, in a sum over few samples.
        assert_same(trained(exact("upgrad", every_n_steps=2)), trained(model), rtol=0.1, atol=0.02)
        assert kept(model)[0].dtype == "float32"

    def test_an_error_in_a_callback_keeps_the_turns_that_were_taken(self):
        class Stops(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                if batch == 1:
                    raise RuntimeError("a callback raises")

        model, reference = (exact("upgrad", every_n_steps=3) for _ in range(2))
        with pytest.raises(RuntimeError, match="a callback raises"):
            model.fit(*data(), callbacks=[Stops()], **OPTIONS)
        x, y = data()
        reference.fit(x[:16], {t: y[t][:16] for t in TASKS}, **OPTIONS)
        for one, other in zip(kept(model), kept(reference), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-6)
        assert int(kept(model)[1]) == 1

    def test_strip_leaves_no_state(self):
        plain = kml.strip_losses(exact("upgrad", every_n_steps=3))
        assert len(plain.weights) == len(network().weights)


class TestMistakes:
    @pytest.mark.parametrize("rule", ["graddrop", "moco", "dbmtl", "trimmed", "annealing"])
    def test_rules_of_each_entry_are_refused(self, rule):
        rules = {
            "graddrop": ka.GradDrop(),
            "moco": ka.MoCo(),
            "dbmtl": ka.DBMTL(),
            "trimmed": ka.TrimmedMean(1),
            "annealing": ka.LearningRateAnnealing(),
        }
        with pytest.raises(ValueError, match="has no weights that could be kept") as caught:
            exact(rules[rule], every_n_steps=2)
        assert "it sees each entry of the gradients" in str(caught.value)
        exact(rules[rule], every_n_steps=1)

    @pytest.mark.parametrize("n", [0, -1, 1.5, "2", True])
    def test_the_number_of_steps_is_an_integer_of_at_least_one(self, n):
        with pytest.raises((ValueError, TypeError), match="every_n_steps"):
            exact("upgrad", every_n_steps=n)

    @pytest.mark.parametrize("loss", ["mse", None])
    def test_there_is_an_aggregator_beside_it(self, loss):
        model = network()
        with pytest.raises(ValueError, match="how often an aggregator computes its weights"):
            model.compile("sgd", loss=loss or kml.LossTerm("mse", "a"), every_n_steps=2)

    @pytest.mark.skipif(not KERAS_3, reason="Keras 2 wraps what a step raises")
    def test_a_missing_term_is_refused(self):
        model = network()
        loss = kml.LossTerm("mse", "a") + kml.LossTerm("mse", "b")
        loss += kml.LossTerm("mse", "c", required=False)
        model.compile("sgd", loss=loss, aggregator="upgrad", every_n_steps=2)
        x, y = data()
        with pytest.raises(ValueError, match="a term is missing, but the aggregator keeps state"):
            model.fit(x, {"a": y["a"], "b": y["b"]}, **OPTIONS)
