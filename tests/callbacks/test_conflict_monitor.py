"""`ConflictMonitor`: what it measures, when, and that training does not notice."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras, ops
from keras_multiloss.callbacks import ConflictMonitor
from tests.callbacks.monitored import EYE, labels, linear_model, monitored
from tests.conftest import two_heads, two_heads_data
from tests.lanes import needs_steps_per_execution
from tests.losses.messages import exactly

OPPOSITE = labels([1, 0], [-3, 0])
ORTHOGONAL = labels([1, 0], [0, 3])
SPEC = kml.LossTerm("mse", "age") + 0.5 * kml.LossTerm("binary_crossentropy", "sex")


def test_opposite_gradients_have_cosine_minus_one():
    monitor, history = monitored(OPPOSITE)
    np.testing.assert_allclose(monitor.gramians[0], [[1, -3], [-3, 9]])
    np.testing.assert_allclose(monitor.cosines[0], [[1, -1], [-1, 1]])
    assert history["cosine/a,b"] == [-1.0]
    assert history["conflict_rate"] == [1.0]
    assert monitor.conflict_rate == 1.0


def test_orthogonal_gradients_have_cosine_zero_and_do_not_conflict():
    monitor, history = monitored(ORTHOGONAL)
    assert history["cosine/a,b"] == [0.0]
    assert history["gradient_norm/a"] == [1.0]
    assert history["gradient_norm/b"] == [3.0]
    assert monitor.conflict_rate == 0.0


def test_gradients_are_those_of_the_weighted_terms():
    model = linear_model(kml.LossTerm("mse", "a") + 0.5 * kml.LossTerm("mse", "b"))
    _, history = monitored(ORTHOGONAL, model=model)
    assert history["gradient_norm/b"] == [1.5]


def test_sample_weights_of_the_batch_count():
    model = linear_model()
    monitor = ConflictMonitor((EYE, labels([1, 1], [1, -1]), np.array([1.0, 0.0], "float32")))
    model.fit(EYE, OPPOSITE, verbose=0, callbacks=[monitor])
    # Both samples make the gradients orthogonal, the first alone makes them agree.
    np.testing.assert_allclose(monitor.cosines[0, 0, 1], 1.0)


def test_the_log_has_each_pair_each_task_and_the_rate():
    _, history = monitored(OPPOSITE)
    numbers = {"cosine/a,b", "gradient_norm/a", "gradient_norm/b", "conflict_rate"}
    assert set(history) == {"loss", "a_loss", "b_loss"} | numbers


def test_a_gradient_of_zero_has_no_cosine_and_no_conflict():
    monitor, history = monitored(labels([1, 0], [0, 0]))
    assert np.isnan(history["cosine/a,b"]).all()
    assert history["gradient_norm/b"] == [0.0]
    assert np.isnan(monitor.conflict_rate)  # of no pair


@pytest.mark.parametrize(
    ("every", "steps"), [(1, [0, 1, 2, 3, 4, 5, 6]), (2, [0, 2, 4, 6]), (9, [0])]
)
def test_it_measures_at_the_start_and_after_each_nth_step(every, steps):
    model = linear_model()
    monitor = ConflictMonitor((EYE, OPPOSITE), every_n_steps=every)
    model.fit(EYE, OPPOSITE, batch_size=1, epochs=3, verbose=0, callbacks=[monitor])
    assert monitor.steps == steps
    assert len(monitor.gramians) == len(steps)


def test_a_second_fit_starts_anew_and_counts_on():
    model = linear_model()
    monitor, _ = monitored(OPPOSITE, model=model, epochs=3)
    model.fit(EYE, OPPOSITE, verbose=0, callbacks=[monitor])
    assert monitor.steps == [3, 4]


@needs_steps_per_execution
def test_steps_are_also_counted_where_several_are_executed_at_once():
    model = linear_model(steps_per_execution=2)
    monitor = ConflictMonitor((EYE, OPPOSITE), every_n_steps=4)
    x, y = np.tile(EYE, (4, 1)), {name: np.tile(label, (4, 1)) for name, label in OPPOSITE.items()}
    model.fit(x, y, batch_size=1, epochs=2, verbose=0, callbacks=[monitor])
    assert monitor.steps == [0, 4, 8, 12, 16]


def test_an_epoch_logs_the_mean_of_its_measurements_and_nan_without_one():
    x, y = two_heads_data()
    model = kml.MultiLossModel.from_model(two_heads())
    model.compile("sgd", loss=SPEC)
    monitor = ConflictMonitor((x, y), every_n_steps=2, aggregator="mean")
    history = model.fit(x, y, batch_size=24, epochs=4, verbose=0, callbacks=[monitor]).history
    assert monitor.steps == [0, 2, 4]
    cosines = monitor.cosines[:, 0, 1]
    expected = [cosines[0], cosines[1], np.nan, cosines[2]]
    # Epoch 1 has the measurement before it, epochs 2 and 4 the one after their only step.
    np.testing.assert_array_equal(history["cosine/age,sex"], expected)
    np.testing.assert_array_equal(history["gradient_weight/age"], [0.5, 0.5, np.nan, 0.5])


def test_it_measures_what_task_gramian_does_at_the_end():
    x, y = two_heads_data()
    model = kml.MultiLossModel.from_model(two_heads())
    model.compile("sgd", loss=SPEC)
    monitor = ConflictMonitor((x, y), every_n_steps=3)
    model.fit(x, y, batch_size=8, verbose=0, callbacks=[monitor])
    # The same computation, compiled once more.
    np.testing.assert_allclose(monitor.gramians[-1], model.task_gramian(x, y), rtol=1e-6)
    assert not np.allclose(monitor.gramians[0], monitor.gramians[-1])


class Subclassed(kml.models.MultiLossMixin, keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = keras.layers.Dense(2)
        self.a = keras.layers.Dense(1)
        self.b = keras.layers.Dense(1)

    def call(self, x):
        hidden = self.hidden(x)
        return {"a": self.a(hidden), "b": self.b(hidden)}


def test_subclassed_models_are_monitored():
    model = Subclassed()
    model.compile("sgd", loss=kml.LossTerm("mse", "a") + kml.LossTerm("mse", "b"))
    monitor, history = monitored(OPPOSITE, model=model)
    assert monitor.steps[-1] == 1
    assert np.isfinite(history["cosine/a,b"]).all()


def trained(callbacks, **compile_arguments):
    keras.utils.set_random_seed(11)
    x, y = two_heads_data()
    inputs = keras.Input((3,))
    hidden = keras.layers.Dense(4, activation="tanh")(inputs)
    hidden = keras.layers.BatchNormalization()(hidden)
    hidden = keras.layers.Dropout(0.5)(hidden)
    outputs = {name: keras.layers.Dense(1, name=name)(hidden) for name in y}
    model = kml.MultiLossModel(inputs, outputs)
    loss = kml.WeightedSumLoss(
        kml.LossTerm("mse", "age") + kml.LossTerm("mae", "sex"), weighting="uncertainty"
    )
    model.compile(keras.optimizers.Adam(0.05), loss=loss, **compile_arguments)
    history = model.fit(x, y, batch_size=8, epochs=2, verbose=0, callbacks=callbacks).history
    return history, [ops.convert_to_numpy(variable) for variable in model.weights]


@pytest.mark.parametrize("rule", [None, "pcgrad"])
@pytest.mark.sample(1)
def test_training_is_the_same_bit_for_bit(rule):
    monitor = ConflictMonitor(two_heads_data(), every_n_steps=2, aggregator="upgrad")
    plain, plain_weights = trained([], aggregator=rule)
    history, weights = trained([monitor], aggregator=rule)
    assert len(monitor.steps) == 4
    assert {name: history[name] for name in plain} == plain
    for ours, expected in zip(weights, plain_weights, strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_weights_are_those_of_the_rule_it_is_given():
    monitor, history = monitored(OPPOSITE, aggregator="mgda")
    # The shortest point between (1, 0) and (-3, 0) is 0 = 3/4 (1, 0) + 1/4 (-3, 0).
    np.testing.assert_allclose(monitor.weights[0], [0.75, 0.25], rtol=1e-6)  # float32
    assert history["gradient_weight/a"] == [pytest.approx(0.75)]


def test_weights_are_those_of_the_rule_the_model_is_compiled_with():
    rule = kml.aggregation.Constant([2.0, 0.5])
    monitor, _ = monitored(ORTHOGONAL, model=linear_model(aggregator=rule))
    np.testing.assert_array_equal(monitor.weights, [[2.0, 0.5]] * 2)


@pytest.mark.parametrize("rule", ["graddrop", "dbmtl"])
def test_a_rule_of_the_model_that_needs_more_than_the_gramian_logs_no_weights(rule):
    monitor, history = monitored(ORTHOGONAL, model=linear_model(aggregator=rule))
    assert monitor.weights is None
    assert not any(name.startswith("gradient_weight") for name in history)


def test_random_rules_draw_anew_in_each_measurement():
    monitor, _ = monitored(ORTHOGONAL, aggregator="random")
    assert not np.allclose(monitor.weights[0], monitor.weights[1])


@pytest.mark.parametrize("rule", ["graddrop", "dbmtl", "gradnorm"])
def test_a_rule_that_needs_more_than_the_gramian_is_refused(rule):
    with pytest.raises(TypeError, match="the rule needs more than the Gramian") as caught:
        ConflictMonitor((EYE, OPPOSITE), aggregator=rule)
    assert "Hint: leave `aggregator` out" in str(caught.value)


@pytest.mark.parametrize("data", [EYE, (EYE,), None, {"x": EYE}])
def test_what_is_no_batch_is_refused(data):
    with pytest.raises(TypeError, match="`data` is not a batch"):
        ConflictMonitor(data)


@pytest.mark.parametrize(("every", "kind"), [(0, ValueError), (2.5, TypeError)])
def test_an_interval_that_is_no_count_is_refused(every, kind):
    with pytest.raises(kind, match="`every_n_steps` must be an integer of at least"):
        ConflictMonitor((EYE, OPPOSITE), every_n_steps=every)


def test_a_model_without_a_total_loss_is_told_how_to_get_one():
    model = two_heads()
    model.compile("sgd", loss="mse")
    x, y = two_heads_data()
    message = exactly(
        "ConflictMonitor: the model is not compiled with a total loss.",
        "  Expected: a MultiLossModel that is compiled with a WeightedSumLoss",
        "  Received: Functional with loss='mse'",
        "  Hint: MultiLossModel.from_model(model) makes one of a functional model",
    )
    with pytest.raises(TypeError, match=message):
        model.fit(x, y, verbose=0, callbacks=[ConflictMonitor((x, y))])


def test_one_term_has_nothing_to_conflict_with():
    with pytest.raises(ValueError, match="the total loss has one term"):
        monitored(OPPOSITE, model=linear_model(kml.LossTerm("mse", "a")))


@pytest.mark.parametrize("read", ["cosines", "norms", "conflict_rate"])
def test_before_a_fit_there_is_nothing_to_read(read):
    with pytest.raises(ValueError, match="nothing has been measured yet"):
        getattr(ConflictMonitor((EYE, OPPOSITE)), read)
