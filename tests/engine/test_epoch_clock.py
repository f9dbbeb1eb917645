"""Rules that count epochs: what an epoch is, in both hosts."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss import weighting as kw
from keras_multiloss._platform import keras, ops
from tests.lanes import needs_tensorflow
from tests.weighting.hosts import OPTIONS, TERMS, hosted, spec, state_of
from tests.weighting.references import DynamicAverage

both_hosts = pytest.mark.parametrize("host", ["model", "layer"])


def epochs_seen(model):
    """How many epochs the rule has closed, and the means of the last two."""
    state = state_of(model).state
    return [
        ops.convert_to_numpy(state[slot]).tolist() for slot in ("n_epochs", "last", "before_last")
    ]


def new(host):
    keras.utils.set_random_seed(3)
    return hosted(host, spec("dynamic_weight_average"))


def test_weights_are_those_of_the_logged_losses_of_two_epochs():
    model, data = new("model")
    logs = model.fit(*data, epochs=5, **OPTIONS).history
    reference = DynamicAverage(2.0)
    for epoch in range(5):
        means = np.array([logs[f"{term}_loss"][epoch] for term in TERMS])
        expected, _ = reference.step(means, starts_epoch=True)
        found = [logs[f"{term}_weight"][epoch] for term in TERMS]
        np.testing.assert_allclose(found, np.array([0.5, 1.0, 0.1]) * expected, rtol=1e-5)


@both_hosts
def test_an_epoch_is_closed_when_the_next_one_begins(host):
    model, data = new(host)
    model.fit(*data, epochs=3, **OPTIONS)
    assert epochs_seen(model)[0] == [2.0] * 3
    model.fit(*data, initial_epoch=3, epochs=4, **OPTIONS)
    assert epochs_seen(model)[0] == [3.0] * 3


@both_hosts
@pytest.mark.sample(1)
def test_one_fit_of_four_epochs_is_four_fits_of_one(host):
    model, data = new(host)
    model.fit(*data, epochs=4, **OPTIONS)
    other, _ = new(host)
    for epoch in range(4):
        other.fit(*data, initial_epoch=epoch, epochs=epoch + 1, **OPTIONS)
    assert epochs_seen(model) == epochs_seen(other)
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


@both_hosts
@pytest.mark.sample(1)
def test_validation_closes_no_epoch(host):
    model, data = new(host)
    model.fit(*data, epochs=4, **OPTIONS)
    other, _ = new(host)
    validation = data if host == "model" else (data[0], None)
    other.fit(*data, validation_data=validation, epochs=4, **OPTIONS)
    other.evaluate(*data, verbose=0)
    assert epochs_seen(model) == epochs_seen(other)


@needs_tensorflow
def test_steps_per_epoch_cut_epochs_shorter():
    import tensorflow as tf

    model, (x, y) = new("model")
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(8).repeat()
    model.fit(dataset, steps_per_epoch=2, epochs=4, shuffle=False, verbose=0)
    assert epochs_seen(model)[0] == [3.0] * 3


def test_a_rule_of_ones_own_may_count_epochs():
    model, data = hosted("model", spec(EpochCount()))
    model.fit(*data, epochs=4, **OPTIONS)
    assert ops.convert_to_numpy(state_of(model).state["epoch"]) == 4.0


@keras.saving.register_keras_serializable(package="tests")
class EpochCount(kml.weighting.Weighting):
    """Weights of one, and the number of epochs begun."""

    def initial_state(self, names):
        return {"epoch": kw.StateVariable(0.0)}

    def start_epoch(self, state):
        return {**state, "epoch": state["epoch"] + 1.0}

    def weights(self, losses, state):
        return losses * 0.0 + 1.0
