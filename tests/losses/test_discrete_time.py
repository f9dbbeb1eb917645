"""`DiscreteTimeSurvivalLoss`: which intervals count, and the likelihood that they make."""

from itertools import pairwise

import numpy as np
import pytest

from keras_multiloss._platform import keras, ops
from keras_multiloss.losses._discrete_time import DiscreteTimeSurvivalLoss
from tests.lanes import needs_statsmodels, needs_unknown_shapes
from tests.losses import references_of_survival as references
from tests.losses.messages import exactly

RNG = np.random.default_rng(12)
BREAKS = [0.0, 1.0, 2.0, 4.0, 8.0]
N = 40
TIME = RNG.uniform(-1, 10, size=N).astype("float32")
EVENT = RNG.integers(0, 2, size=N)
LOGITS = RNG.normal(size=(N, 4)).astype("float32")


def values(time, event, outputs, breaks=BREAKS, *, from_logits=True):
    time, event = (ops.convert_to_tensor(np.asarray(x)) for x in (time, event))
    outputs = ops.convert_to_tensor(np.asarray(outputs, "float32"))
    loss = DiscreteTimeSurvivalLoss(breaks, from_logits=from_logits)
    return ops.convert_to_numpy(loss.call((time, event), outputs))


def person_periods(time, event, logits):
    """A row for each interval that a sample was seen in: its logit, and whether it failed.

    An event is seen until its interval, a censored sample for those of which it saw half.
    """
    rows = []
    for sample, (t, failed) in enumerate(zip(time, event, strict=True)):
        ends = [end if failed else (start + end) / 2 for start, end in pairwise(BREAKS)]
        n_survived = sum(t >= end for end in ends)
        rows += [(logits[sample, k], 0) for k in range(n_survived)]
        if failed and n_survived < len(ends):
            rows.append((logits[sample, n_survived], 1))
    return np.array(rows).T


def test_many_values_equal_the_reference():
    np.testing.assert_allclose(
        values(TIME, EVENT, LOGITS),
        references.discrete_time((TIME, EVENT), LOGITS.astype("float64"), BREAKS),
        rtol=2e-6,  # sums of up to 4 numbers near 1 in float32
    )


@needs_statsmodels
def test_the_sum_is_the_logistic_log_likelihood_of_statsmodels_over_person_periods():
    from statsmodels.api import Logit

    logits, failed = person_periods(TIME, EVENT, LOGITS)
    assert values(TIME, EVENT, LOGITS).sum() == pytest.approx(
        -Logit(failed, logits[:, None]).loglike([1.0]),
        rel=1e-6,  # sums of some 100 numbers near 1 in float32
    )


def test_the_sum_is_the_binary_crossentropy_of_keras_over_person_periods():
    logits, failed = person_periods(TIME, EVENT, LOGITS)
    theirs = keras.losses.binary_crossentropy(
        ops.convert_to_tensor(failed[:, None].astype("float32")),
        ops.convert_to_tensor(logits[:, None].astype("float32")),
        from_logits=True,
    )
    expected = ops.convert_to_numpy(theirs).sum()
    assert values(TIME, EVENT, LOGITS).sum() == pytest.approx(expected, rel=1e-6)


#: Hazards whose survivals are powers of 1/2, so that a likelihood tells which were counted.
HALVES = [[0.5, 0.5, 0.5, 0.5]]


@pytest.mark.parametrize(
    ("time", "event", "n_intervals"),
    [
        (-1.0, 1, 1),  # before the first break: in the first interval
        (0.0, 1, 1),
        (0.99, 1, 1),
        (1.0, 1, 2),  # an interval holds its start, not its end
        (7.9, 1, 4),
        (8.0, 1, 4),  # after all of them: survived 4, failed in none
        (0.49, 0, 0),
        (0.5, 0, 1),  # half of an interval is credited
        (2.99, 0, 2),
        (3.0, 0, 3),
        (5.9, 0, 3),
        (6.0, 0, 4),
        (99.0, 0, 4),
    ],
)
def test_a_time_counts_the_intervals_that_the_rule_says(time, event, n_intervals):
    found = values([time], [event], HALVES, from_logits=False)
    assert found == pytest.approx(n_intervals * np.log(2), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("time", [8.0, 100.0])
def test_an_event_after_all_intervals_is_a_sample_that_survived_them(time):
    np.testing.assert_array_equal(values([time], [1], LOGITS[:1]), values([time], [0], LOGITS[:1]))


def test_a_time_is_at_a_break_that_no_dtype_holds_exactly():
    # 0.3 is 0.30000001 in float32 and 0.29999999999999999 in float64.
    outputs = [[0.0, 5.0]]
    for dtype in ("float32", "float64"):
        found = values(np.array([0.3], dtype), [1], outputs, breaks=[0.0, 0.3, 1.0])
        expected = np.log(2) + np.log1p(np.exp(-5.0))
        assert found == pytest.approx(expected, rel=1e-6)


def test_the_likelihoods_of_all_that_may_happen_sum_to_one():
    ways = np.array([0.5, 1.5, 3.0, 5.0, 9.0])
    likelihoods = np.exp(-values(ways, np.ones(5), np.repeat(LOGITS[:1], 5, axis=0)))
    assert likelihoods.sum() == pytest.approx(1.0, rel=1e-6)


def test_far_logits_keep_their_exact_distance():
    found = values([1.5, 1.5], [1, 0], [[500.0, -300.0, 0.0, 0.0], [-500.0, 300.0, 0.0, 0.0]])
    np.testing.assert_array_equal(found, [800.0, 300.0])


def test_logits_and_their_hazards_agree():
    hazards = 1 / (1 + np.exp(-LOGITS.astype("float64")))
    np.testing.assert_allclose(
        values(TIME, EVENT, hazards, from_logits=False),
        values(TIME, EVENT, LOGITS),
        rtol=2e-6,  # hazards near 1 keep 6e-8 of themselves
        atol=1e-6,
    )


@pytest.mark.parametrize("hazard", [0.0, 1.0])
def test_hazards_of_zero_and_one_give_finite_values(hazard):
    assert np.isfinite(values(TIME, EVENT, np.full((N, 4), hazard), from_logits=False)).all()


def test_breaks_may_be_an_array_and_are_kept_as_a_list():
    assert DiscreteTimeSurvivalLoss(np.linspace(0, 2, 3)).get_config()["breaks"] == [0.0, 1.0, 2.0]


@needs_unknown_shapes
def test_the_batch_size_may_be_unknown_while_tracing():
    import tensorflow as tf

    flat, outputs = tf.TensorSpec((None,)), tf.TensorSpec((None, None))
    loss = DiscreteTimeSurvivalLoss(BREAKS, from_logits=True)
    traced = tf.function(
        lambda time, event, logits: loss((time, event), logits),
        input_signature=[flat, flat, outputs],
    )
    expected = references.discrete_time((TIME, EVENT), LOGITS.astype("float64"), BREAKS)
    assert float(traced(TIME, EVENT.astype("float32"), LOGITS)) == pytest.approx(
        expected.mean(),
        rel=1e-6,  # a mean in float32
    )


def test_an_output_that_does_not_fit_the_breaks_is_refused():
    message = exactly(
        "DiscreteTimeSurvivalLoss: the output does not fit the breaks.",
        "  Expected: a hazard for each of 4 intervals, shape (batch, 4)",
        "  Received: shape (40, 3)",
    )
    with pytest.raises(ValueError, match=message):
        values(TIME, EVENT, LOGITS[:, :3])


@pytest.mark.parametrize("breaks", [[], [1.0], [0.0, 2.0, 2.0], [1.0, 0.0]])
def test_breaks_that_do_not_increase_are_refused(breaks):
    message = exactly(
        "DiscreteTimeSurvivalLoss: `breaks` do not make intervals.",
        "  Expected: two or more numbers, each greater than the one before it",
        f"  Received: {breaks}",
    )
    with pytest.raises(ValueError, match=message):
        DiscreteTimeSurvivalLoss(breaks)


@pytest.mark.parametrize(
    ("breaks", "problem"), [(5, "is not a list"), (["a", 1], "must be a number")]
)
def test_breaks_that_are_no_list_of_numbers_are_refused(breaks, problem):
    with pytest.raises(TypeError, match=problem):
        DiscreteTimeSurvivalLoss(breaks)
