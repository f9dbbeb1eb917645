"""Weights that follow a schedule of the step."""

import json

import numpy as np
import pytest

from keras_multiloss._platform import dtype_name, keras
from keras_multiloss.weighting._schedules import ScaledSchedule, check_weight, scaled, value_at

schedules = keras.optimizers.schedules


def warm_up():
    """From 0 to 1 in ten steps: at step 4, 0.4."""
    return schedules.PolynomialDecay(0.0, 10, 1.0)


@keras.saving.register_keras_serializable(package="test_schedules")
class Halving(schedules.LearningRateSchedule):
    """A schedule of one's own, which gives Python floats for Python steps."""

    def __init__(self, start=1.0):
        self.start = start

    def __call__(self, step):
        return self.start * 0.5**step

    def get_config(self):
        return {"start": self.start}


def test_a_number_weighs_the_same_at_all_steps():
    assert value_at(0.5, 7) == 0.5
    assert value_at(0.5, None) == 0.5


def test_a_schedule_is_a_float32_scalar_of_the_step():
    value = value_at(warm_up(), 4)
    assert dtype_name(value) == "float32"
    assert float(value) == pytest.approx(0.4)


def test_a_schedule_of_ones_own_may_give_floats():
    assert float(value_at(Halving(), 2)) == 0.25
    assert float(value_at(scaled(Halving(), 2.0), 2)) == 0.5


def test_a_number_is_scaled_to_a_number():
    assert scaled(0.5, 4.0) == 2.0


def test_a_schedule_is_scaled_at_every_step():
    half = scaled(warm_up(), 0.5)
    values = [float(value_at(half, step)) for step in (0, 4, 10, 99)]
    np.testing.assert_allclose(values, [0.0, 0.2, 0.5, 0.5], rtol=1e-6)  # float32


def test_factors_multiply_without_nesting():
    twice = scaled(scaled(warm_up(), 0.5), 3.0)
    assert twice.factor == 1.5
    assert isinstance(twice.schedule, schedules.PolynomialDecay)


@pytest.mark.parametrize("schedule", [warm_up(), Halving(2.0)], ids=["keras", "own"])
def test_a_scaled_schedule_survives_json(schedule):
    before = ScaledSchedule(schedule, 0.5)
    after = ScaledSchedule.from_config(json.loads(json.dumps(before.get_config())))
    assert type(after.schedule) is type(schedule)
    assert after.get_config() == before.get_config()
    assert float(after(3)) == float(before(3))


@pytest.mark.parametrize(
    "config", [{}, {"schedule": None, "factor": 1.0}, {"schedule": 1, "factor": 1.0}]
)
def test_a_config_without_a_schedule_raises(config):
    with pytest.raises((TypeError, ValueError), match=r"ScaledSchedule.*schedule"):
        ScaledSchedule.from_config(config)


@pytest.mark.parametrize("factor", ["2", None, float("inf")])
def test_a_factor_is_a_finite_number(factor):
    with pytest.raises((TypeError, ValueError), match="ScaledSchedule: `factor` must be"):
        ScaledSchedule(warm_up(), factor)


def test_a_weight_is_a_float_or_a_schedule():
    assert check_weight("Here", 2) == 2.0
    schedule = warm_up()
    assert check_weight("Here", schedule) is schedule


class Unregistered(Halving):
    pass


def test_a_schedule_that_no_file_could_restore_is_refused():
    with pytest.raises(ValueError, match="`weight` cannot be saved: its class is not registered"):
        check_weight("Here", Unregistered())


@pytest.mark.parametrize("weight", [lambda step: 0.5, schedules.PolynomialDecay, "0.5", None])
def test_what_is_neither_a_number_nor_a_schedule_is_refused(weight):
    with pytest.raises(TypeError, match="`weight` must be a number"):
        check_weight("Here", weight)
