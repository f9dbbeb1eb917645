"""Arithmetic of terms and sums."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras

A, B = kml.LossTerm("mse", "a", weight=2.0), kml.LossTerm("mae", "b")


LABELS = {"a": np.zeros((2, 1)), "b": np.zeros((2, 1))}
OUTPUTS = {"a": np.ones((2, 1)), "b": np.ones((2, 1))}


def total(loss):
    """The loss of a batch in which each term is 1."""
    return float(kml.WeightedSumLoss(loss)(LABELS, OUTPUTS))


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (A, 2.0),
        (A / 2, 1.0),
        (-A, -2.0),
        (A + B, 3.0),
        (A - B, 1.0),
        (B - A, -1.0),
        ((A + B) / 2, 1.5),
        (-(A + B), -3.0),
        ((A + B) - B.replace(name="again"), 2.0),
        (A - (B + B.replace(name="again")), 0.0),
        (0.5 * (A + B) * 4, 6.0),
        (sum([A, B]), 3.0),
    ],
)
def test_a_sum_is_what_its_expression_says(loss, expected):
    assert total(loss) == expected


def test_a_schedule_is_divided_and_negated():
    schedule = keras.optimizers.schedules.PolynomialDecay(1.0, 10, 0.0)
    term = kml.LossTerm("mse", "a", weight=schedule)
    assert float((term / 4).weight(5)) == 0.125
    assert float((-term).weight(5)) == -0.5


def test_an_operand_is_left_as_it_is():
    _ = 3 * A - B
    assert (A.weight, B.weight) == (2.0, 1.0)


@pytest.mark.parametrize("loss", [A, A + B], ids=["term", "sum"])
def test_a_division_by_zero_is_refused(loss):
    with pytest.raises(ZeroDivisionError, match="a loss is divided by 0"):
        _ = loss / 0


@pytest.mark.parametrize("other", [1, 1.0, "mse", None])
def test_only_losses_are_added_and_subtracted(other):
    for calculate in (lambda: A + other, lambda: A - other, lambda: (A + B) - other):
        with pytest.raises(TypeError):
            calculate()


@pytest.mark.parametrize("factor", ["2", None, float("nan"), float("inf"), True])
def test_factors_and_divisors_are_finite_numbers(factor):
    for calculate in (lambda: A * factor, lambda: A / factor):
        with pytest.raises((TypeError, ValueError), match="LossTerm"):
            calculate()


def test_a_sum_with_a_weighting_is_no_summand():
    weighed = kml.WeightedSumLoss(A + B, weighting="uncertainty")
    extra = kml.LossTerm("mse", "c")
    for make in (
        lambda: weighed + extra,
        lambda: extra + weighed,
        lambda: kml.WeightedSumLoss([weighed, extra]),
        lambda: kml.WeightedSumLoss(weighed),
    ):
        with pytest.raises(ValueError, match=r"(?s)a weighting of its own.*weighting=loss"):
            make()
    rebuilt = kml.WeightedSumLoss([*weighed.terms, extra], weighting=weighed.weighting)
    assert rebuilt.names == ["a", "b", "c"]
