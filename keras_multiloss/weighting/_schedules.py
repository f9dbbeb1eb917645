"""The weight of a term: a number, or a schedule of the step."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_config, check_finite_number
from keras_multiloss._messages import described, error
from keras_multiloss._platform import is_from_other_keras, keras, ops
from keras_multiloss._saving import (
    check_saveable,
    deserialize,
    other_keras_error,
    serializable,
    serialize,
)

Schedule: Any = keras.optimizers.schedules.LearningRateSchedule


@serializable
class ScaledSchedule(Schedule):
    """A schedule times a constant: what `0.5 * LossTerm(..., weight=schedule)` makes.

    Args:
        schedule: the schedule to scale.
        factor: a finite number.
    """

    def __init__(self, schedule: Any, factor: float) -> None:
        super().__init__()
        self.schedule = check_schedule("ScaledSchedule", "schedule", schedule)
        self.factor = check_finite_number("ScaledSchedule", "factor", factor)

    def __call__(self, step: Any) -> Any:
        return self.factor * ops.cast(self.schedule(step), "float32")

    def get_config(self) -> dict[str, Any]:
        return {"schedule": serialize(self.schedule), "factor": self.factor}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> ScaledSchedule:
        arguments = ("schedule", "factor")
        config = check_config(cls, config, arguments, required=arguments)
        schedule = deserialize(
            "ScaledSchedule: `schedule`", config["schedule"], keras.optimizers.schedules
        )
        return cls(schedule, config["factor"])


def scaled(weight: Any, factor: float) -> Any:
    """A weight (a number or a schedule) times a number."""
    if isinstance(weight, ScaledSchedule):
        return ScaledSchedule(weight.schedule, weight.factor * factor)
    return ScaledSchedule(weight, factor) if callable(weight) else weight * factor


def value_at(weight: Any, step: Any) -> Any:
    """A weight at a step: a float as it is, a schedule as a float32 scalar."""
    return ops.cast(weight(step), "float32") if callable(weight) else weight


def check_weight(where: str, weight: Any, *, argument: str = "weight") -> Any:
    """The weight as a float or a schedule; raises unless it is one that a file can restore."""
    if isinstance(weight, Schedule) or is_from_other_keras(weight):
        return check_schedule(where, argument, weight)
    return check_finite_number(
        where,
        argument,
        weight,
        hint="a weight that changes is a `keras.optimizers.schedules` object; a loss cannot own "
        "a variable",
    )


def check_schedule(where: str, argument: str, schedule: Any) -> Any:
    """The schedule; raises unless it is one that a file can restore."""
    if is_from_other_keras(schedule):
        raise other_keras_error(where, argument, schedule)
    if not isinstance(schedule, Schedule):
        raise error(
            TypeError,
            where,
            f"`{argument}` is not a schedule",
            expected="a `keras.optimizers.schedules` object",
            received=described(schedule),
        )
    check_saveable(where, argument, schedule)
    return schedule
