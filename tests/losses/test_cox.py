"""`CoxPartialLikelihood`: as statsmodels computes it, in any order, at any scale."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import ops
from keras_multiloss.losses._cox import CoxPartialLikelihood
from tests.lanes import needs_statsmodels, needs_unknown_shapes
from tests.losses import references_of_survival as references
from tests.losses.gradients import gradients
from tests.losses.messages import exactly

RNG = np.random.default_rng(11)
N = 60
#: Times of 12 days: some five samples share each, events and censored ones.
TIME = RNG.integers(1, 13, size=N)
EVENT = RNG.integers(0, 2, size=N)
LOG_HAZARD = RNG.normal(size=N).astype("float32")

both_ties = pytest.mark.parametrize("ties", ["efron", "breslow"])


def shares(time, event, log_hazard, **arguments):
    time, event = (ops.convert_to_tensor(np.asarray(x)) for x in (time, event))
    log_hazard = ops.convert_to_tensor(np.asarray(log_hazard, "float32"))
    loss = CoxPartialLikelihood(**arguments)
    return ops.convert_to_numpy(loss.call((time, event), log_hazard))


@needs_statsmodels
@both_ties
def test_the_sum_is_the_log_partial_likelihood_of_statsmodels(ties):
    from statsmodels.duration.hazard_regression import PHReg

    features, coefficients = RNG.normal(size=(N, 3)), np.array([0.8, -1.5, 0.3])
    model = PHReg(TIME, features, status=EVENT, ties=ties)
    assert shares(TIME, EVENT, features @ coefficients, ties=ties).sum() == pytest.approx(
        -model.loglike(coefficients),
        rel=1e-6,  # sums of 60 numbers near 3 in float32
    )


@both_ties
def test_the_shares_of_many_ties_equal_the_reference(ties):
    np.testing.assert_allclose(
        shares(TIME, EVENT, LOG_HAZARD, ties=ties),
        references.cox((TIME, EVENT), LOG_HAZARD.astype("float64"), ties),
        rtol=2e-6,  # sums of up to 60 numbers near 1 in float32
        atol=2e-6,
    )


def test_two_tied_events_of_four_at_risk_by_hand():
    # Efron: half of the tied pair is gone at the second, (log 4 + log 3) / 2 for each.
    time, event, even = [1, 1, 2, 3], [1, 1, 0, 0], np.zeros(4)
    each = np.log(12) / 2
    np.testing.assert_allclose(shares(time, event, even), [each, each, 0, 0], rtol=1e-6)
    assert shares(time, event, even, ties="breslow")[0] == pytest.approx(np.log(4), rel=1e-6)


@both_ties
def test_a_batch_without_events_gives_zero_and_no_gradient(ties):
    labels = (ops.convert_to_tensor(TIME), ops.zeros(N))
    loss = CoxPartialLikelihood(ties=ties)
    assert float(loss(labels, ops.convert_to_tensor(LOG_HAZARD))) == 0.0
    (gradient,) = gradients(lambda eta: loss(labels, eta), (LOG_HAZARD,))
    np.testing.assert_array_equal(gradient, np.zeros(N))


@both_ties
def test_far_log_hazards_keep_their_exact_distance(ties):
    # The risk set of the first event is led by the second sample, 2e4 above it.
    np.testing.assert_array_equal(
        shares([1, 2, 3], [1, 1, 1], [-1e4, 1e4, 0.0], ties=ties), [2e4, 0.0, 0.0]
    )


def test_a_dominant_tie_leaves_the_digits_of_the_others():
    # When the dominant events share their time, 1/2 of e^100 + e^100 is e^100.
    found = shares([1, 1, 2], [1, 1, 0], [100.0, 100.0, 0.0])
    np.testing.assert_allclose(found, [np.log(2) / 2, np.log(2) / 2, 0], rtol=3e-5)  # of 100


@both_ties
def test_the_order_of_the_samples_is_irrelevant(ties):
    order = RNG.permutation(N)
    np.testing.assert_allclose(
        shares(TIME[order], EVENT[order], LOG_HAZARD[order], ties=ties),
        shares(TIME, EVENT, LOG_HAZARD, ties=ties)[order],
        rtol=2e-6,  # other roundings of the same sums
        atol=1e-6,
    )


@both_ties
def test_a_constant_added_to_all_log_hazards_changes_nothing(ties):
    np.testing.assert_allclose(
        shares(TIME, EVENT, LOG_HAZARD + 8, ties=ties),
        shares(TIME, EVENT, LOG_HAZARD, ties=ties),
        atol=5e-6,  # float32 keeps 1e-6 of numbers near 10
    )


@both_ties
def test_only_the_order_of_the_times_counts(ties):
    np.testing.assert_array_equal(
        shares(np.exp(TIME / 4.0), EVENT, LOG_HAZARD, ties=ties),
        shares(TIME, EVENT, LOG_HAZARD, ties=ties),
    )


def test_whole_times_that_float32_would_merge_are_no_ties():
    time = np.array([16777216, 16777217], "int32")  # 2^24, and the next
    np.testing.assert_allclose(shares(time, [1, 1], [0.0, 0.0]), [np.log(2), 0], rtol=1e-6)


def test_events_may_be_truth_values_and_columns():
    np.testing.assert_array_equal(
        shares(TIME[:, None], EVENT.astype(bool)[:, None], LOG_HAZARD[:, None]),
        shares(TIME, EVENT, LOG_HAZARD),
    )


@both_ties
def test_samples_without_a_time_leave_the_others_as_they_are_without_them(ties):
    missing = RNG.permutation(N)[:10]
    labels = {"time": TIME.astype("float32"), "event": EVENT.astype("float32")}
    labels["time"][missing] = np.nan
    kept = np.delete(np.arange(N), missing)
    loss = CoxPartialLikelihood(ties=ties)
    term = kml.LossTerm(loss, "risk", ["time", "event"], mask="nan", name="cox")
    found = float(kml.WeightedSumLoss([term])(labels, {"risk": LOG_HAZARD[:, None]}))
    alone = loss((TIME[kept], EVENT[kept]), LOG_HAZARD[kept])
    assert found == pytest.approx(float(alone), rel=1e-6)


def test_a_sample_without_an_event_stays_at_risk_until_its_time():
    labels = {"time": np.float32([1, 2]), "event": np.float32([1, np.nan])}
    term = kml.LossTerm(CoxPartialLikelihood(), "risk", ["time", "event"], mask="nan")
    found = kml.WeightedSumLoss([term])(labels, {"risk": np.zeros((2, 1), "float32")})
    assert float(found) == pytest.approx(np.log(2), rel=1e-6)


def test_events_as_sample_weights_give_the_mean_over_events():
    loss = CoxPartialLikelihood(reduction="mean_with_sample_weight")
    labels = (ops.convert_to_tensor(TIME), ops.convert_to_tensor(EVENT))
    found = loss(labels, ops.convert_to_tensor(LOG_HAZARD), sample_weight=EVENT)
    expected = references.cox((TIME, EVENT), LOG_HAZARD.astype("float64"), "efron")
    assert float(found) == pytest.approx(expected.sum() / EVENT.sum(), rel=1e-6)


@needs_unknown_shapes
@both_ties
def test_the_batch_size_may_be_unknown_while_tracing(ties):
    import tensorflow as tf

    column, flat = tf.TensorSpec((None, 1)), tf.TensorSpec((None,))
    loss = CoxPartialLikelihood(ties=ties)
    traced = tf.function(
        lambda time, event, eta: loss((time, event), eta), input_signature=[flat, flat, column]
    )
    for n in (0, 7, N):
        time, event, eta = (x[:n].astype("float32") for x in (TIME, EVENT, LOG_HAZARD))
        expected = references.cox((time, event), eta.astype("float64"), ties).sum() / max(n, 1)
        # Sums of up to 60 numbers near 1 in float32.
        assert float(traced(time, event, eta[:, None])) == pytest.approx(expected, rel=2e-6)


def test_a_time_of_another_shape_is_refused():
    message = exactly(
        "CoxPartialLikelihood: the time is not one number per sample.",
        "  Expected: shape (3,) or (3, 1)",
        "  Received: shape (3, 2)",
    )
    with pytest.raises(ValueError, match=message):
        shares(np.ones((3, 2)), np.ones(3), np.ones(3))


def test_an_output_of_several_numbers_a_sample_is_refused():
    message = exactly(
        "CoxPartialLikelihood: the output is not one number per sample.",
        "  Expected: shape (batch,) or (batch, 1)",
        "  Received: shape (3, 2)",
    )
    with pytest.raises(ValueError, match=message):
        shares(np.ones(3), np.ones(3), np.ones((3, 2)))


def test_an_unknown_way_to_treat_ties_is_refused():
    message = exactly(
        "CoxPartialLikelihood: `ties` is not one of its choices.",
        "  Expected: one of ['efron', 'breslow']",
        "  Received: 'effron'",
        "  Hint: did you mean 'efron'?",
    )
    with pytest.raises(ValueError, match=message):
        CoxPartialLikelihood(ties="effron")
