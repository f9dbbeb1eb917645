"""What the rules promise, for any gradients."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.aggregation import references
from tests.aggregation.compiled import combined
from tests.aggregation.jacobians import nearly_opposite, padded, random, spread, stationary
from tests.aggregation.promises import that

#: Part of the longest gradient: weights and result are float32, each exact to 6e-8.
TOLERANCE = 2e-6

#: Integers, whose Gramian float32 knows exactly: equal, opposite and dependent ones are so.
JACOBIANS = arrays("float64", (3, 4), elements=st.integers(-4, 4)).map(padded)
LENGTHS = arrays("float64", (3, 1), elements=st.integers(1, 4))

#: PyTorch and TensorFlow run CAGrad for a tenth of a second.
few_examples = settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.filter_too_much]
)


def length(jacobian):
    return np.linalg.norm(jacobian, axis=1).max()


def assert_near(found, expected, jacobian):
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE * length(jacobian))


def can_progress(jacobian):
    """Whether no average of the gradients comes near 0."""
    units = jacobian / references.lengths_of(jacobian)[:, None]
    return np.linalg.norm(references.mgda(units)) > 0.05


def has_answer(promises, jacobian):
    return can_progress(jacobian) or not promises.needs_progress


@that(no_conflict=True)
@few_examples
@given(jacobian=JACOBIANS)
def test_no_task_gets_worse(promises, jacobian):
    assume(has_answer(promises, jacobian))
    progress = jacobian @ combined(promises.rule, jacobian) / references.lengths_of(jacobian)
    assert progress.min() >= -TOLERANCE * length(jacobian)


@that(no_conflict=True)
def test_no_task_gets_worse_when_its_gradient_is_short(promises):
    jacobian = spread(3)
    step = combined(promises.rule, jacobian)
    cosines = jacobian @ step / np.linalg.norm(jacobian, axis=1) / np.linalg.norm(step)
    assert cosines.min() >= -TOLERANCE


@that(no_conflict=True, needs_progress=False)
def test_no_task_gets_worse_when_two_are_nearly_opposite(promises):
    jacobian = nearly_opposite()
    progress = jacobian @ combined(promises.rule, jacobian) / references.lengths_of(jacobian)
    assert progress.min() >= -TOLERANCE


@that(stationary=True)
@pytest.mark.parametrize("jacobian", [stationary(3), 1e-4 * stationary(3)], ids=["long", "short"])
def test_the_step_is_0_where_gradients_cancel(promises, jacobian):
    assert_near(combined(promises.rule, jacobian), 0.0, jacobian)


@that(symmetric=True)
@few_examples
@given(jacobian=JACOBIANS, order=st.permutations(range(3)))
def test_the_order_of_tasks_is_irrelevant(promises, jacobian, order):
    assume(has_answer(promises, jacobian))
    expected = combined(promises.rule, jacobian)
    assert_near(combined(promises.rule, jacobian[list(order)]), expected, jacobian)


# Loss scaling multiplies by powers of 2.
@that()
@few_examples
@given(jacobian=JACOBIANS, power=st.integers(-12, 15))
def test_the_scale_of_all_gradients_is_that_of_the_result(promises, jacobian, power):
    assume(has_answer(promises, jacobian))
    expected = 2.0**power * combined(promises.rule, jacobian)
    scaled = 2.0**power * jacobian
    assert_near(combined(promises.rule, scaled), expected, scaled)


@that(linear_in_lengths=True)
@few_examples
@given(jacobian=JACOBIANS, one=LENGTHS, other=LENGTHS)
def test_the_result_is_linear_in_the_lengths_of_gradients(promises, jacobian, one, other):
    assume(has_answer(promises, jacobian))
    parts = [combined(promises.rule, lengths * jacobian) for lengths in (one, other)]
    both = (one + other) * jacobian
    assert_near(combined(promises.rule, both), sum(parts), both)


@that(direction_only=True)
@few_examples
@given(jacobian=JACOBIANS, lengths=LENGTHS)
def test_the_lengths_of_gradients_do_not_turn_the_result(promises, jacobian, lengths):
    assume(has_answer(promises, jacobian))
    found, expected = (combined(promises.rule, x) for x in (lengths * jacobian, jacobian))
    cosine = found @ expected / np.linalg.norm(found) / np.linalg.norm(expected)
    assert cosine > 1 - TOLERANCE


@that(alone=True)
def test_a_single_task_keeps_its_gradient(promises):
    gradient = random(1)
    assert_near(combined(promises.rule, gradient), promises.alone * gradient[0], gradient)


@that(with_a_zero=True)
@pytest.mark.parametrize("place", [0, 3])
def test_a_task_without_a_gradient_does_no_harm(promises, place):
    with_a_zero = np.insert(random(3), place, 0.0, axis=0)
    expected = promises.with_a_zero(3) * combined(promises.rule, random(3))
    assert_near(combined(promises.rule, with_a_zero), expected, random(3))


@that()
def test_no_gradient_at_all_gives_no_step(promises):
    assert (combined(promises.rule, 0 * random(3)) == 0).all()


@that()
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_shows(promises, value):
    jacobian = random(3)
    jacobian[1, 2] = value
    assert not np.isfinite(combined(promises.rule, jacobian)[2])


@that(constant=False)
def test_a_gramian_that_overflows_shows(promises):
    """3e19 squared is more than float32 holds."""
    assert np.isnan(combined(promises.rule, 3e19 * random(3))).all()
