"""Mistakes in the arguments of the rules with a solver, as a user reads them."""

import numpy as np
import pytest

from keras_multiloss import aggregation as ka

THREE_TASKS = np.eye(3, dtype="float32")


def message(action, kind=ValueError):
    with pytest.raises(kind) as caught:
        action()
    return str(caught.value)


with_priorities = pytest.mark.parametrize("rule", [ka.UPGrad, ka.DualProj, ka.CAGrad])


@with_priorities
@pytest.mark.parametrize("value", [-1.0, 0])
def test_a_priority_that_is_not_positive(rule, value):
    assert message(lambda: rule(preference=[2.0, value])) == (
        f"{rule.__name__}: `preference[1]` must be above 0.\n"
        "  Expected: a number above 0\n"
        f"  Received: {float(value)}"
    )


@with_priorities
def test_a_priority_that_is_no_number(rule):
    assert message(lambda: rule(preference=["2"]), TypeError) == (
        f"{rule.__name__}: `preference[0]` must be a number.\n"
        "  Expected: a finite number\n"
        "  Received: '2' of type str"
    )


@with_priorities
@pytest.mark.parametrize("value", [{"depth": 2.0}, "depth", 2.0])
def test_priorities_that_are_no_list(rule, value):
    assert message(lambda: rule(preference=value), TypeError) == (
        f"{rule.__name__}: `preference` must be a list of numbers.\n"
        "  Expected: a positive number for each task, [2.0, 1.0]\n"
        f"  Received: {value!r}"
    )


@with_priorities
def test_priorities_of_other_tasks(rule):
    assert message(lambda: rule(preference=[2.0, 1.0])(THREE_TASKS)) == (
        f"{rule.__name__}: `preference` does not fit the tasks.\n"
        "  Expected: 3 numbers, one for each task\n"
        "  Received: [2.0, 1.0]"
    )


@with_priorities
def test_no_priorities_at_all(rule):
    assert message(lambda: rule(preference=[])(THREE_TASKS)) == (
        f"{rule.__name__}: `preference` does not fit the tasks.\n"
        "  Expected: 3 numbers, one for each task\n"
        "  Received: []"
    )


def test_constant_weights_of_other_tasks():
    assert message(lambda: ka.Constant([2.0, 1.0])(THREE_TASKS)) == (
        "Constant: `values` does not fit the tasks.\n"
        "  Expected: 3 numbers, one for each task\n"
        "  Received: [2.0, 1.0]"
    )


def test_a_constant_weight_that_is_no_number():
    assert message(lambda: ka.Constant([2.0, None]), TypeError) == (
        "Constant: `values[1]` must be a number.\n"
        "  Expected: a finite number\n"
        "  Received: None of type NoneType"
    )


def test_constant_weights_that_are_no_list():
    for value in ({"depth": 2.0}, 2.0):
        assert message(lambda value=value: ka.Constant(value), TypeError) == (
            "Constant: `values` must be a list of numbers.\n"
            "  Expected: a number for each task, [2.0, 1.0]\n"
            f"  Received: {value!r}"
        )


def test_shares_of_other_tasks():
    assert message(lambda: ka.ShareOfGradient([2.0, 1.0])(THREE_TASKS)) == (
        "ShareOfGradient: `shares` does not fit the tasks.\n"
        "  Expected: 3 numbers, one for each task\n"
        "  Received: [2.0, 1.0]"
    )


def test_a_reference_beyond_the_last_task():
    assert message(lambda: ka.LearningRateAnnealing(reference=3)(THREE_TASKS)) == (
        "LearningRateAnnealing: `reference` does not fit the tasks.\n"
        "  Expected: the place of one of 3 tasks, from 0 to 2\n"
        "  Received: 3"
    )


def test_a_reference_of_a_statistic_that_has_none():
    assert message(lambda: ka.LearningRateAnnealing(reference=1, statistic="norm")) == (
        "LearningRateAnnealing: the statistic 'norm' has no term of reference.\n"
        "  Expected: `reference` with 'max_mean' or 'max_weighted_mean' only\n"
        "  Received: reference=1"
    )


def test_a_ball_of_negative_radius():
    assert message(lambda: ka.CAGrad(c=-0.5)) == (
        "CAGrad: `c` must be 0 or more.\n  Expected: a number of at least 0\n  Received: -0.5"
    )


@pytest.mark.parametrize("alpha", [0.0, -1.0])
def test_a_fairness_that_is_not_positive(alpha):
    assert message(lambda: ka.FairGrad(alpha=alpha)) == (
        f"FairGrad: `alpha` must be above 0.\n  Expected: a number above 0\n  Received: {alpha}"
    )
