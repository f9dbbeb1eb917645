"""The weights that terms were given: which are constant, which change, which count at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_multiloss._platform import ops
from keras_multiloss.weighting import value_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class GivenWeights:
    """The weights of the tasks of a sum, before a weighting multiplies them.

    Args:
        weights: a number or a schedule for each task, by name.
        parts: the schedules of parts, by term and part.
        are_assignable: whether a weighting opens them to change while a model trains.
    """

    def __init__(
        self,
        weights: Mapping[str, Any],
        *,
        parts: Mapping[tuple[str, str], Any],
        are_assignable: bool,
    ) -> None:
        self.constant: dict[str, float] = {n: w for n, w in weights.items() if not callable(w)}
        self.schedules: dict[str, Any] = {n: w for n, w in weights.items() if callable(w)}
        self.parts = dict(parts)
        self.are_assignable = are_assignable
        #: The tasks that can count; the others always have weight 0. A weighting sees the active
        #: ones only, and they are the tasks of an aggregator.
        self.active: list[str] = [
            name for name in weights if are_assignable or self.constant.get(name) != 0.0
        ]

    def scheduled_at(self, step: Any) -> dict[str, Any]:
        """The weights that follow schedules, at a step, by name."""
        return {name: value_at(schedule, step) for name, schedule in self.schedules.items()}

    def parts_at(self, step: Any) -> dict[tuple[str, str], Any]:
        """The weights of parts that follow schedules, at a step, by term and part."""
        return {key: value_at(schedule, step) for key, schedule in self.parts.items()}

    def vector(self, names: Iterable[str], moving: Mapping[str, Any]) -> Any:
        """The weights of some tasks as a float32 vector.

        Args:
            names: of the tasks.
            moving: the weights of tasks that are not constant, by name.
        """
        weights = [moving[name] if name in moving else self.constant[name] for name in names]
        if not moving:
            return ops.convert_to_tensor(np.array(weights, "float32"))
        return ops.stack([ops.cast(weight, "float32") for weight in weights])


def weighted_losses(losses: Any, weights: Any) -> Any:
    """Losses times weights, as vectors; 0 where the weight is 0, even for a loss of NaN."""
    return ops.where(ops.equal(weights, 0.0), ops.zeros_like(losses), losses) * weights
