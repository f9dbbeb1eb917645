"""`GradientBalancer`: what it does to gradients, and that it is there for training only."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss import aggregation as ka
from keras_multiloss._platform import keras, ops
from tests.balancing import (
    OPTIONS,
    RATE,
    SMALL,
    TASKS,
    assert_goes_on_in_a_fresh_process,
    assert_same,
    combined,
    compiled,
    data,
    gradients_of_features,
    network,
    one_step,
    trained,
    with_layer,
)
from tests.conftest import under_policy
from tests.lanes import both_mixed_policies, needs_tensorflow_backend

RULES = {
    "mean": ka.Mean,
    "upgrad": ka.UPGrad,
    "mgda": ka.MGDA,
    "cagrad": ka.CAGrad,
    "trimmed mean": lambda: ka.TrimmedMean(trim=1),
    "graddrop": lambda: ka.GradDrop(seed=3),
}


class TestBackward:
    @pytest.mark.parametrize("rule", RULES)
    @pytest.mark.sample(2)
    def test_the_trunk_is_trained_by_the_combined_gradient(self, rule):
        # XLA draws other numbers than TensorFlow itself.
        model = with_layer(RULES[rule](), compile_options={"jit_compile": False})
        gradients, _ = gradients_of_features(model)
        before, after = one_step(model)
        expected = data()[0].T @ combined(RULES[rule](), gradients)
        moved = (before["trunk"] - after["trunk"]) / RATE
        # A difference of float32 weights near 1, divided by 0.1.
        np.testing.assert_allclose(moved, expected, rtol=1e-4, atol=3e-6)

    def test_the_heads_are_trained_by_their_own_gradients(self):
        model = with_layer("mgda")
        _, expected = gradients_of_features(model)
        before, after = one_step(model)
        for task in TASKS:
            moved = (before[task] - after[task]) / RATE
            np.testing.assert_allclose(moved, expected[task], rtol=1e-4, atol=3e-6)

    def test_the_sum_is_plain_training(self):
        plain, balanced = trained(compiled(network())), trained(with_layer("sum"))
        # The same numbers, added in another order.
        assert_same(plain, balanced, rtol=1e-5, atol=1e-6)

    def test_it_balances_in_a_model_of_plain_keras(self):
        model = network(kml.GradientBalancer(TASKS, "mgda"))
        plain = keras.Model(model.input, model.output)
        weights = {"a": SMALL, "b": SMALL, "c": 0.5 * SMALL}
        losses = dict.fromkeys(TASKS, "mse")
        plain.compile(keras.optimizers.SGD(RATE / SMALL), loss=losses, loss_weights=weights)
        assert_same(trained(with_layer("mgda")), trained(plain), rtol=1e-5, atol=1e-6)

    def test_several_tensors_have_one_gramian(self):
        joint, split = (_of_two_halves(is_joint) for is_joint in (True, False))
        assert_same(one_step(joint)[1], one_step(split)[1], rtol=1e-5, atol=1e-6)

    def test_a_task_that_no_loss_sees_has_no_gradient(self):
        layer = kml.GradientBalancer([*TASKS, "unused"], ka.Constant([1.0, 1.0, 1.0, 5.0]))
        plain = trained(compiled(network()))
        assert_same(plain, trained(compiled(network(layer))), rtol=1e-5, atol=1e-6)

    def test_compiled_and_eager_steps_are_alike(self):
        models = [network(kml.GradientBalancer(TASKS, "upgrad")) for _ in range(2)]
        for model, is_eager in zip(models, (True, False), strict=True):
            compiled(model, run_eagerly=is_eager)
        one, other = (trained(model) for model in models)
        assert_same(one, other, rtol=1e-5, atol=1e-6)

    @needs_tensorflow_backend
    def test_xla_and_plain_graphs_are_alike(self):
        models = [network(kml.GradientBalancer(TASKS, "cagrad")) for _ in range(2)]
        for model, is_compiled in zip(models, (True, False), strict=True):
            compiled(model, jit_compile=is_compiled)
        one, other = (trained(model) for model in models)
        assert_same(one, other, rtol=1e-5, atol=1e-6)


def _of_two_halves(is_joint):
    """A model with a balancer over two halves of the features, or over their concatenation."""
    keras.utils.set_random_seed(11)
    x = keras.Input((5,), name="x")
    trunk = keras.layers.Dense(4, use_bias=False, name="trunk")(x)
    if is_joint:
        shared = kml.GradientBalancer(TASKS, "mgda")({"u": trunk[:, :3], "v": [trunk[:, 3:]]})
        shared = {
            t: keras.layers.Concatenate()([halves["u"], halves["v"][0]])
            for t, halves in shared.items()
        }
    else:
        shared = kml.GradientBalancer(TASKS, "mgda")(trunk)
    heads = {t: keras.layers.Dense(1, use_bias=False, name=t)(shared[t]) for t in TASKS}
    return compiled(kml.MultiLossModel(x, heads))


class TestOptions:
    def test_a_preference_goes_to_the_rule_in_the_order_of_the_tasks(self):
        one = trained(with_layer("upgrad", preference={"c": 3.0}))
        other = trained(with_layer(ka.UPGrad(preference=[1.0, 1.0, 3.0])))
        assert_same(one, other, rtol=1e-6, atol=1e-7)
        plain = trained(with_layer("upgrad"))
        assert not np.allclose(one["trunk"], plain["trunk"], rtol=1e-3)

    def test_in_between_gradients_are_added_up_in_the_scale_of_the_rule(self):
        model = with_layer("mgda", every_n_steps=2)
        _, first = one_step(model)
        _, second = one_step(model)
        reference = with_layer("mgda")
        _, expected = one_step(reference)
        assert_same(expected, first, rtol=1e-6, atol=1e-7)
        mean = with_layer("mean")
        mean.set_weights(reference.get_weights())
        _, expected = one_step(mean)
        assert_same(expected, second, rtol=1e-5, atol=1e-6)

    @pytest.mark.parametrize(("rule", "scale"), [("mgda", 1 / 3), ("pcgrad", 1.0), ("sum", 1.0)])
    def test_a_rule_that_sums_is_told_from_one_that_averages(self, rule, scale):
        assert kml.GradientBalancer(TASKS, rule)._scale == pytest.approx(scale, rel=1e-5)


class TestInference:
    def test_it_hands_on_what_it_gets(self):
        layer = kml.GradientBalancer(["a", "b"])
        x = ops.convert_to_tensor(np.ones((2, 3), "float32"))
        for training in (False, True):
            for copy in layer(x, training=training).values():
                np.testing.assert_array_equal(ops.convert_to_numpy(copy), np.ones((2, 3)))

    def test_only_training_steps_are_counted(self):
        model = with_layer("upgrad")
        model.evaluate(*data(), **{k: OPTIONS[k] for k in ("batch_size", "verbose")})
        model.predict(data()[0], verbose=0)
        assert int(ops.convert_to_numpy(model.get_layer("balancer").step)) == 0
        model.fit(*data(), **OPTIONS)
        assert int(ops.convert_to_numpy(model.get_layer("balancer").step)) == 3

    def test_a_mask_goes_to_every_task(self):
        x = keras.layers.Masking()(ops.convert_to_tensor(np.array([[[1.0], [0.0]]], "float32")))
        layer = kml.GradientBalancer(["a", "b"])
        mask = layer.compute_mask(x, "mask")
        assert mask == {"a": "mask", "b": "mask"}

    def test_strip_leaves_nothing_of_it(self):
        model = with_layer("upgrad", activation="tanh")
        x, y = data()
        model.fit(x, y, **OPTIONS)
        plain = kml.strip_losses(model)
        assert not [x for x in plain.layers if isinstance(x, kml.GradientBalancer)]
        for task, output in plain.predict(x, verbose=0).items():
            np.testing.assert_array_equal(output, model.predict(x, verbose=0)[task])

    def test_the_stripped_model_loads_without_the_library(self, bare_process, model_path):
        model = with_layer("upgrad")
        kml.strip_losses(model).save(model_path)
        x, _ = data()
        _, outputs = bare_process.load(model_path, ("predict", (x,), {"verbose": 0}))
        np.testing.assert_array_equal(outputs["a"], model.predict(x, verbose=0)["a"])


class TestFiles:
    @pytest.mark.parametrize("rule", ["upgrad", ka.PCGrad(seed=3)], ids=["upgrad", "pcgrad"])
    @pytest.mark.sample(1)
    def test_training_goes_on_bit_for_bit_in_a_fresh_process(self, rule, fresh_process, model_path):
        model = with_layer(rule, "adam", activation="tanh")
        model.fit(*data(), epochs=2, **OPTIONS)
        assert_goes_on_in_a_fresh_process(model, fresh_process, model_path)

    def test_every_argument_survives(self, model_path):
        layer = kml.GradientBalancer(
            TASKS, ka.CAGrad(0.3), preference={"b": 2.0}, every_n_steps=4, name="balancer"
        )
        compiled(network(layer)).save(model_path)
        found = keras.saving.load_model(model_path).get_layer("balancer")
        assert found.tasks == TASKS
        assert found.aggregator.c == 0.3
        assert found.preference == {"b": 2.0}
        assert found.every_n_steps == 4


class TestPrecision:
    @both_mixed_policies
    @pytest.mark.sample(1)
    def test_mixed_precision_balances_in_float32(self, policy):
        with under_policy(policy):
            model = with_layer("upgrad")
        if policy == "mixed_float16":
            assert "LossScale" in type(model.optimizer).__name__
        reference = with_layer("upgrad")
        # Three significant digits of half precision, in a sum over few samples.
        assert_same(trained(reference), trained(model), rtol=0.1, atol=0.02)

    def test_a_step_that_overflowed_is_seen_as_one(self):
        layer = kml.GradientBalancer(TASKS, "upgrad")
        gradients = [[ops.convert_to_tensor(np.full((2, 2), v, "float32"))] for v in (1, np.inf, 1)]
        (joined,) = layer._joined(ops.zeros(()), gradients)
        assert not np.isfinite(ops.convert_to_numpy(joined)).any()


MISTAKES = {
    "two tasks of a name": lambda: kml.GradientBalancer(["a", "a"]),
    "no task": lambda: kml.GradientBalancer([]),
    "an interval of no steps": lambda: kml.GradientBalancer(TASKS, every_n_steps=0),
    "a preference for a task that is not there": lambda: kml.GradientBalancer(
        TASKS, preference={"d": 1.0}
    ),
    "a preference for a rule that takes none": lambda: kml.GradientBalancer(
        TASKS, "mgda", preference={"a": 2.0}
    ),
    "a rule that is not there": lambda: kml.GradientBalancer(TASKS, "upgrade"),
}
MESSAGES = {
    "two tasks of a name": "tasks share a name",
    "no task": "`tasks` must not be empty",
    "an interval of no steps": "`every_n_steps` must be an integer of at least",
    "a preference for a task that is not there": "`preference` names a task that is not there",
    "a preference for a rule that takes none": "the rule does not take priorities",
    "a rule that is not there": "did you mean 'upgrad'?",
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told(mistake):
    with pytest.raises(ValueError, match="GradientBalancer") as caught:
        MISTAKES[mistake]()
    assert MESSAGES[mistake] in str(caught.value)


def test_a_rule_that_remembers_is_sent_to_the_exact_mode():
    with pytest.raises(TypeError) as caught:
        kml.GradientBalancer(TASKS, "moco")
    assert str(caught.value).splitlines() == [
        "GradientBalancer: the rule keeps state, for which a backward pass has no place.",
        "  Expected: a rule without state, such as 'upgrad'",
        f"  Received: {ka.MoCo()!r}",
        "  Hint: MultiLossModel.compile(loss=..., aggregator=...) takes every rule",
    ]
