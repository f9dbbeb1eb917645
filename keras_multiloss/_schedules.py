"""Weights that follow a schedule of the step."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_config
from keras_multiloss._keras import keras, ops
from keras_multiloss._serialization import deserialize, serializable, serialize


@serializable
class ScaledSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule times a constant: what `0.5 * LossTerm(..., weight=schedule)` makes.

    Args:
        schedule: the schedule to scale.
        factor: a finite number.
    """

    def __init__(self, schedule: Any, factor: float) -> None:
        super().__init__()
        self.schedule = schedule
        self.factor = factor

    def __call__(self, step: Any) -> Any:
        return self.factor * ops.cast(self.schedule(step), "float32")

    def get_config(self) -> dict[str, Any]:
        return {"schedule": serialize(self.schedule), "factor": self.factor}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> ScaledSchedule:
        config = check_config(cls, config, ("schedule", "factor"))
        schedule = deserialize(
            "ScaledSchedule: `schedule`", config["schedule"], keras.optimizers.schedules
        )
        return cls(schedule, config["factor"])


def scaled(weight: Any, factor: float) -> Any:
    """A weight (a number or a schedule) times a number."""
    if isinstance(weight, ScaledSchedule):
        return ScaledSchedule(weight.schedule, weight.factor * factor)
    return ScaledSchedule(weight, factor) if callable(weight) else weight * factor
