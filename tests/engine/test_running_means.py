"""The logs of the terms: means over what each term counted, in one vector."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras, ops
from keras_multiloss.engine import RunningMeans, Step

RAMP = keras.optimizers.schedules.PolynomialDecay(0.0, 4, 1.0)


def loss_of(*names, moving=False, weighting=None):
    weight = RAMP if moving else 1.0
    terms = [kml.LossTerm("mse", name, weight=weight) for name in names]
    return kml.WeightedSumLoss(terms, weighting=weighting)


def step_of(losses, counts=None, weights=None, **rest):
    """A step with the losses of some terms, each the mean over so many labels."""
    counts = dict.fromkeys(losses, 1.0) if counts is None else counts
    weights = dict.fromkeys(losses, 1.0) if weights is None else weights
    vectors = [
        [*losses.values()],
        [losses[n] * counts[n] for n in losses],
        [counts[n] for n in losses],
        [weights[n] for n in losses],
    ]
    vectors = [ops.convert_to_tensor(np.float32(vector)) for vector in vectors]
    return Step(list(losses), *vectors, **rest)


def read(means):
    return {name: float(value) for name, value in means.result().items()}


def test_a_term_is_the_mean_over_what_it_counted():
    means = RunningMeans(loss_of("a", "b"))
    means.update_state(step_of({"a": 1.0, "b": 2.0}, {"a": 3.0, "b": 1.0}), 3)
    means.update_state(step_of({"a": 5.0, "b": 6.0}, {"a": 1.0, "b": 1.0}), 3)
    assert read(means) == {"a_loss": 2.0, "b_loss": 4.0}


def test_a_batch_in_which_a_term_counted_nothing_leaves_its_mean_alone():
    means = RunningMeans(loss_of("a"))
    means.update_state(step_of({"a": 4.0}), 8)
    means.update_state(step_of({"a": 0.0}, {"a": 0.0}), 8)
    assert read(means) == {"a_loss": 4.0}


def test_what_never_counted_anything_is_not_a_number():
    means = RunningMeans(loss_of("a"))
    means.update_state(step_of({"a": 0.0}, {"a": 0.0}), 8)
    assert np.isnan(read(means)["a_loss"])
    means.reset_state()
    assert np.isnan(read(means)["a_loss"])


def test_a_moving_weight_is_the_plain_mean_over_the_steps():
    means = RunningMeans(loss_of("a", moving=True))
    means.update_state(step_of({"a": 1.0}, weights={"a": 0.0}), 2)
    means.update_state(step_of({"a": -1.01}, weights={"a": 0.25}), 6)
    assert read(means)["a_weight"] == 0.125


def test_a_weight_is_logged_where_no_label_was_there():
    means = RunningMeans(loss_of("a", moving=True))
    means.update_state(step_of({"a": 0.0}, {"a": 0.0}, {"a": 0.5}), 2)
    assert read(means)["a_weight"] == 0.5


def test_the_penalty_of_a_weighting_is_the_mean_over_the_samples():
    means = RunningMeans(loss_of("a", weighting="uncertainty"))
    means.update_state(step_of({"a": 1.0}, penalty=ops.convert_to_tensor(np.float32(1.0))), 3)
    means.update_state(step_of({"a": 1.0}, penalty=ops.convert_to_tensor(np.float32(5.0))), 1)
    assert read(means) == {"a_loss": 1.0, "a_weight": 1.0, "weighting_loss": 2.0}


def test_terms_that_are_not_there_are_not_logged():
    means = RunningMeans(loss_of("a", "b"))
    means.update_state(step_of({"b": 3.0}), 1)
    assert read(means) == {"b_loss": 3.0}


def test_a_loss_that_is_not_finite_and_switched_off_is_no_noise_in_the_log():
    means = RunningMeans(loss_of("a", "b"))
    losses = {"a": np.inf, "b": np.inf}
    means.update_state(step_of(losses, weights={"a": 0.0, "b": 1.0}), 1)
    assert read(means) == {"a_loss": 0.0, "b_loss": np.inf}


def test_one_vector_holds_the_sums_of_any_number_of_terms():
    means = RunningMeans(loss_of(*(f"t{i}" for i in range(300))))
    assert [tuple(v.shape) for v in means.variables] == [(602,)]


def test_a_vector_that_cannot_be_read_logs_nothing():
    means = RunningMeans(loss_of("a"), variable=lambda: None, is_readable=False)
    assert means.result() == {}


def test_a_reset_starts_anew():
    means = RunningMeans(loss_of("a"))
    means.update_state(step_of({"a": 1.0}), 1)
    means.reset_state()
    means.update_state(step_of({"a": 7.0}), 1)
    assert read(means) == {"a_loss": pytest.approx(7.0)}
