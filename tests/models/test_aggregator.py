"""`compile(aggregator=...)`: the gradients of shared parameters, balanced exactly."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss import aggregation as ka
from keras_multiloss._platform import fan_out, keras, ops
from tests.balancing import (
    OPTIONS,
    RATE,
    TASKS,
    assert_goes_on_in_a_fresh_process,
    assert_same,
    combined,
    compiled,
    data,
    exact,
    gradients_of_features,
    network,
    one_step,
    trained,
    with_layer,
)
from tests.conftest import under_policy
from tests.lanes import both_mixed_policies, needs_keras_3, needs_tape

#: A rule of each kind: of the Gramian, of each entry, random, with state of either size.
RULES = {
    "mean": ka.Mean,
    "upgrad": ka.UPGrad,
    "graddrop": lambda: ka.GradDrop(seed=3),
    "pcgrad": lambda: ka.PCGrad(seed=3),
    "gradvac": lambda: ka.GradVac(seed=3),
    "gradnorm": ka.GradNorm,
    "moco": ka.MoCo,
    "excess": ka.ExcessMTL,
    "dbmtl": ka.DBMTL,
    "pcd": ka.PCD,
    "share": lambda: ka.ShareOfGradient(beta=0.5),
    "annealing": ka.LearningRateAnnealing,
    "cr-mogm": lambda: ka.CRMOGM("mgda"),
}

#: The others take a minute a lane, and are left to `make test-slow`.
SAMPLE = {"upgrad", "pcgrad", "gradnorm", "moco", "cr-mogm"}
every_rule = pytest.mark.parametrize(
    "rule",
    [pytest.param(rule, marks=() if rule in SAMPLE else pytest.mark.slow) for rule in RULES],
)


def rows_of_trunk(model):
    """The task gradients of the trunk's kernel, by hand."""
    at_features, at_heads = gradients_of_features(model)
    return np.array([data()[0].T @ gradient for gradient in at_features]), at_heads


class TestGradients:
    @pytest.mark.parametrize("rule", ["mean", "upgrad", "graddrop"])
    @pytest.mark.sample(2)
    def test_shared_parameters_get_the_combined_gradient(self, rule):
        # XLA draws other numbers than TensorFlow itself.
        model = exact(RULES[rule](), jit_compile=False)
        rows, _ = rows_of_trunk(model)
        before, after = one_step(model)
        moved = (before["trunk"] - after["trunk"]) / RATE
        # A difference of float32 weights near 1, divided by 0.1.
        np.testing.assert_allclose(moved, combined(RULES[rule](), rows), rtol=1e-4, atol=3e-6)

    def test_heads_get_their_own(self):
        model = exact("mgda")
        _, expected = rows_of_trunk(model)
        before, after = one_step(model)
        for task in TASKS:
            moved = (before[task] - after[task]) / RATE
            np.testing.assert_allclose(moved, expected[task], rtol=1e-4, atol=3e-6)

    def test_the_sum_is_plain_training(self):
        # The same numbers, added in another order.
        assert_same(trained(compiled(network())), trained(exact("sum")), rtol=1e-5, atol=1e-6)

    def test_all_shared_variables_have_one_gramian(self):
        model = _deep()
        rows = np.concatenate([_gradient(model, task) for task in TASKS], axis=0)
        weights = ops.convert_to_numpy(ka.MGDA().weights(ops.convert_to_tensor(rows @ rows.T)))
        before = _shared(model)
        one_step_of(model)
        # Differences of float32 weights near 1; the weights follow from their products.
        np.testing.assert_allclose(before - _shared(model), weights @ rows, rtol=1e-3, atol=1e-5)

    def test_a_variable_that_two_of_three_tasks_share_is_balanced(self):
        keras.utils.set_random_seed(11)
        x = keras.Input((5,), name="x")
        pair = keras.layers.Dense(4, use_bias=False, name="pair")(x)
        heads = {t: keras.layers.Dense(1, use_bias=False, name=t)(pair) for t in ("a", "b")}
        heads["c"] = keras.layers.Dense(1, use_bias=False, name="c")(x)
        model = kml.MultiLossModel(x, heads)
        compiled(model, aggregator=ka.Constant([2.0, 0.0, 7.0]))
        before, labels = model.get_weights(), data()[1]
        model.fit(data()[0], labels, **{**OPTIONS, "batch_size": 24})
        errors = 2 * (data()[0] @ before[0] @ before[1] - labels["a"]) / 24
        expected = before[0] - 2.0 * RATE * data()[0].T @ errors @ before[1].T
        np.testing.assert_allclose(model.get_weights()[0], expected, rtol=1e-4, atol=1e-6)

    @needs_tape
    def test_each_task_takes_one_backward_pass(self):
        passes = []

        class Counted(keras.layers.Layer):
            def call(self, x):
                return fan_out([x], 1, ops.zeros(()), self.backward)[0][0]

            def backward(self, step, upstream):
                passes.append(step)
                return upstream[0]

        x = keras.Input((5,), name="x")
        features = keras.layers.Dense(4)(Counted()(keras.layers.Dense(4)(x)))
        heads = {t: keras.layers.Dense(1)(features) for t in TASKS}
        model = kml.MultiLossModel(x, heads)
        compiled(model, aggregator="mean", run_eagerly=True)
        model.fit(*data(), **{**OPTIONS, "batch_size": 24})
        assert len(passes) == len(TASKS)

    def test_regularisation_is_no_task(self):
        models = [network(kernel_regularizer=keras.regularizers.L2(1e-3)) for _ in range(2)]
        plain, balanced = compiled(models[0]), compiled(models[1], aggregator="sum")
        assert_same(trained(plain), trained(balanced), rtol=1e-5, atol=1e-6)

    def test_learned_weights_get_the_gradient_of_the_total_loss(self):
        states = []
        for options in ({}, {"aggregator": "sum"}, {"aggregator": "mgda"}):
            model = network()
            terms = [kml.LossTerm("mse", task) for task in TASKS]
            loss = kml.WeightedSumLoss(terms, weighting="uncertainty")
            model.compile(keras.optimizers.SGD(0.01), loss=loss, **options)
            one_step(model)
            states.append(ops.convert_to_numpy(model._term_weights.trainable_variables[0]))
        np.testing.assert_allclose(states[1:], [states[0]] * 2, rtol=1e-5)

    @pytest.mark.filterwarnings("ignore:Gradients do not exist")  # of the head switched off
    def test_a_term_of_weight_zero_is_no_task(self):
        model = network()
        loss = kml.LossTerm("mse", "a") + kml.LossTerm("mse", "b", weight=0.0)
        model.compile(keras.optimizers.SGD(RATE), loss=loss + kml.LossTerm("mse", "c"))
        model.compile(keras.optimizers.SGD(RATE), loss=model.loss, aggregator=ka.Constant([1, 1]))
        reference = network()
        reference.compile(keras.optimizers.SGD(RATE), loss=model.loss)
        assert_same(trained(reference), trained(model), rtol=1e-5, atol=1e-6)

    def test_embeddings_are_balanced_as_dense_tensors(self):
        models = []
        for options in ({}, {"aggregator": "sum"}):
            keras.utils.set_random_seed(11)
            x = keras.Input((3,), dtype="int32", name="x")
            features = keras.layers.Embedding(6, 4, name="trunk")(x)
            features = keras.layers.Flatten()(features)
            heads = {t: keras.layers.Dense(1, name=t)(features) for t in TASKS}
            model = compiled(kml.MultiLossModel(x, heads), **options)
            model.fit(np.arange(72).reshape(24, 3) % 6, data()[1], **OPTIONS)
            models.append(model.get_layer("trunk").get_weights()[0])
        np.testing.assert_allclose(*models, rtol=1e-5, atol=1e-6)


def _deep():
    keras.utils.set_random_seed(11)
    x = keras.Input((5,), name="x")
    hidden = keras.layers.Dense(4, activation="tanh", name="deep")(x)
    hidden = keras.layers.Dense(3, activation="tanh", name="deeper")(hidden)
    heads = {t: keras.layers.Dense(1, use_bias=False, name=t)(hidden) for t in TASKS}
    return compiled(kml.MultiLossModel(x, heads), keras.optimizers.SGD(100.0), aggregator="mgda")


def _gradient(model, task):
    """The gradient of one weighted term with respect to all shared weights, as a row.

    It is what plain training on that term alone moves them by.
    """
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights()[: len(twin.get_weights())])
    twin = kml.MultiLossModel(twin.input, {task: twin.output[task]})
    weight = 0.005 if task == "c" else 0.01
    twin.compile(keras.optimizers.SGD(100.0), loss=kml.LossTerm("mse", task, weight=weight))
    before = _shared(twin)
    one_step_of(twin)
    return (before - _shared(twin))[None]


def _shared(model):
    layers = [model.get_layer(name) for name in ("deep", "deeper")]
    return np.concatenate([w.ravel() for layer in layers for w in layer.get_weights()])


def one_step_of(model):
    x, y = data()
    model.fit(x, {task: y[task] for task in model.output}, **{**OPTIONS, "batch_size": 24})


class TestState:
    @every_rule
    @pytest.mark.sample(1)
    def test_training_goes_on_bit_for_bit_in_a_fresh_process(self, rule, fresh_process, model_path):
        model = exact(RULES[rule](), "adam", activation="tanh")
        model.fit(*data(), epochs=2, **OPTIONS)
        assert_goes_on_in_a_fresh_process(model, fresh_process, model_path)

    def test_the_state_follows_the_rule(self):
        model = exact(ka.CRMOGM("mgda", beta=0.5))
        state = {}
        for _ in range(2):
            rows, _ = rows_of_trunk(model)
            rows = rows.reshape(3, -1).astype("float32")
            rule = ka.CRMOGM("mgda", beta=0.5)
            state = state or rule.starting_state(3, rows.shape[1])
            state = rule.advance(ops.convert_to_tensor(rows @ rows.T), None, state)
            before, after = one_step(model)
            weights = ops.convert_to_numpy(
                rule.weights(ops.convert_to_tensor(rows @ rows.T), state)
            )
            expected = RATE * weights @ rows
            moved = (before["trunk"] - after["trunk"]).ravel()
            np.testing.assert_allclose(moved, expected, rtol=1e-4, atol=1e-6)

    def test_evaluation_moves_nothing(self):
        model = exact("moco")
        model.fit(*data(), **OPTIONS)
        before = model.get_weights()
        model.evaluate(*data(), verbose=0)
        for one, other in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)

    def test_the_same_rule_keeps_its_state_when_the_model_is_compiled_again(self):
        rule = ka.MoCo()
        model = exact(rule)
        model.fit(*data(), **OPTIONS)
        state = model.aggregator_state()
        model.compile("sgd", loss=model.loss, aggregator=rule)
        assert model.aggregator_state() is state
        model.compile("sgd", loss=model.loss, aggregator=ka.MoCo())
        assert model.aggregator_state() is not state
        model.compile("sgd", loss=model.loss)
        assert model.aggregator_state() is None

    def test_strip_leaves_no_state(self):
        model = exact("moco")
        plain = kml.strip_losses(model)
        assert len(plain.weights) == len(network().weights)

    def test_a_missing_term_is_refused_by_a_rule_that_remembers_all(self):
        model = network()
        loss = kml.LossTerm("mse", "a") + kml.LossTerm("mse", "b")
        loss += kml.LossTerm("mse", "c", required=False)
        model.compile("sgd", loss=loss, aggregator="moco")
        x, y = data()
        with pytest.raises(ValueError, match="a term is missing, but the aggregator keeps state"):
            model.fit(x, {"a": y["a"], "b": y["b"]}, **OPTIONS)

    @pytest.mark.filterwarnings("ignore:Gradients do not exist")  # of the head without a label
    def test_a_missing_term_is_no_task_of_the_step(self):
        models = []
        for terms in ("ab", "abc"):
            model = network()
            loss = sum(kml.LossTerm("mse", task, required=task != "c") for task in terms)
            model.compile(keras.optimizers.SGD(RATE), loss=loss, aggregator="upgrad")
            x, y = data()
            model.fit(x, {"a": y["a"], "b": y["b"]}, **OPTIONS)
            models.append({"trunk": model.get_layer("trunk").get_weights()[0]})
        assert_same(*models, rtol=1e-6, atol=1e-7)


class TestOptimizers:
    @pytest.mark.parametrize(
        "options",
        [
            {"global_clipnorm": 0.01},
            {"clipvalue": 0.01},
            pytest.param({"gradient_accumulation_steps": 3}, marks=needs_keras_3),
        ],
        ids=["clipnorm", "clipvalue", "accumulation"],
    )
    def test_what_keras_does_to_gradients_it_does_to_balanced_ones(self, options):
        plain = compiled(network(), keras.optimizers.SGD(RATE, **options))
        balanced = exact("sum", keras.optimizers.SGD(RATE, **options))
        assert_same(trained(plain), trained(balanced), rtol=1e-5, atol=1e-6)

    @both_mixed_policies
    @pytest.mark.sample(1)
    def test_mixed_precision_balances_in_float32(self, policy):
        with under_policy(policy):
            model = exact("upgrad")
        # Three significant digits of half precision, in a sum over few samples.
        assert_same(trained(exact("upgrad")), trained(model), rtol=0.1, atol=0.02)

    def test_a_step_that_is_not_finite_leaves_the_state_alone(self):
        model = exact("moco")
        one_step(model)
        before = [w.copy() for w in model.aggregator_state().get_weights()]
        x, y = data()
        model.fit(x * np.float32("inf"), y, **{**OPTIONS, "batch_size": 24})
        changed = [
            not np.array_equal(a, b)
            for a, b in zip(before, model.aggregator_state().get_weights(), strict=True)
        ]
        assert sum(changed) == 1  # steps are counted

    def test_compiled_and_eager_steps_are_alike(self):
        one, other = (trained(exact("cagrad", run_eagerly=eager)) for eager in (True, False))
        assert_same(one, other, rtol=1e-5, atol=1e-6)


class TestSubclassed:
    def test_a_subclassed_model_finds_what_its_terms_share(self):
        x, y = data()
        models = []
        for aggregator in (None, "sum", "upgrad"):
            keras.utils.set_random_seed(11)
            model = Subclassed()
            model.compile(keras.optimizers.SGD(RATE), loss=_three(), aggregator=aggregator)
            model.fit(x, y, **OPTIONS)
            models.append(model.trunk.get_weights()[0])
        np.testing.assert_allclose(models[1], models[0], rtol=1e-5, atol=1e-6)
        assert not np.allclose(models[2], models[0], rtol=1e-3)

    def test_a_rule_with_state_needs_a_model_that_is_built(self):
        with pytest.raises(ValueError, match="call the model on a batch before you compile it"):
            Subclassed().compile("sgd", loss=_three(), aggregator="moco")


def _three():
    return sum(kml.LossTerm("mse", task) for task in TASKS)


class Subclassed(kml.models.MultiLossMixin, keras.Model):
    def __init__(self):
        super().__init__()
        self.trunk = keras.layers.Dense(4)
        self.heads = [keras.layers.Dense(1) for _ in TASKS]

    def call(self, x):
        features = self.trunk(x)
        return {t: head(features) for t, head in zip(TASKS, self.heads, strict=True)}


class TestGramian:
    def test_it_is_that_of_the_task_gradients(self):
        model = exact("upgrad")
        rows, _ = rows_of_trunk(model)
        rows = 0.01 * rows.reshape(3, -1)
        # Products of float32 sums over 24 samples.
        np.testing.assert_allclose(model.task_gramian(*data()), rows @ rows.T, rtol=1e-4, atol=1e-8)

    def test_a_balancer_in_the_model_does_not_disturb_it(self):
        plain, balanced = compiled(network()), with_layer("mgda")
        np.testing.assert_allclose(
            balanced.task_gramian(*data()), plain.task_gramian(*data()), rtol=1e-5
        )

    def test_it_changes_nothing(self):
        model = exact("moco")
        before = model.get_weights()
        model.task_gramian(*data())
        for one, other in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)

    def test_a_missing_term_has_no_gradient(self):
        model = network()
        loss = kml.LossTerm("mse", "a") + kml.LossTerm("mse", "b")
        model.compile("sgd", loss=loss + kml.LossTerm("mse", "c", required=False))
        x, y = data()
        gramian = model.task_gramian(x, {"a": y["a"], "b": y["b"]})
        assert (gramian[2] == 0).all()
        assert (gramian[:2, :2] != 0).all()

    def test_it_needs_a_total_loss(self):
        model = network()
        model.compile("sgd", loss=dict.fromkeys(TASKS, "mse"))
        with pytest.raises(
            ValueError, match=r"MultiLossModel.task_gramian: the model has no total"
        ):
            model.task_gramian(*data())


class TestMistakes:
    def test_balancing_twice_is_refused(self):
        with pytest.raises(ValueError, match="the gradients would be balanced twice") as caught:
            with_layer("upgrad", compile_options={"aggregator": "upgrad"})
        assert "the layer 'balancer'" in str(caught.value)

    def test_a_loss_without_terms_is_refused(self):
        with pytest.raises(TypeError, match="`aggregator` balances the terms of a total loss"):
            network().compile("sgd", loss="mse", aggregator="upgrad")

    def test_an_unknown_rule_is_refused_with_the_nearest_name(self):
        with pytest.raises(ValueError, match="did you mean 'upgrad'"):
            exact("upgrd")
