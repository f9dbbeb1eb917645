"""The weights that terms were given: which are constant, which change, which count at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_multiloss._platform import ops
from keras_multiloss.weighting import value_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class GivenWeights:
    """The weights of the terms of a sum, before a weighting multiplies them.

    Args:
        weights: a number or a schedule for each term, by name.
        are_assignable: whether a weighting opens them to change while a model trains.
    """

    def __init__(self, weights: Mapping[str, Any], *, are_assignable: bool) -> None:
        self.constant: dict[str, float] = {n: w for n, w in weights.items() if not callable(w)}
        self.schedules: dict[str, Any] = {n: w for n, w in weights.items() if callable(w)}
        self.are_assignable = are_assignable
        #: The terms that can count; the others always have weight 0. A weighting sees the active
        #: ones only, and they are the tasks of an aggregator.
        self.active: list[str] = [
            name for name in weights if are_assignable or self.constant.get(name) != 0.0
        ]

    def scheduled_at(self, step: Any) -> dict[str, Any]:
        """The weights that follow schedules, at a step, by name."""
        return {name: value_at(schedule, step) for name, schedule in self.schedules.items()}

    def vector(self, names: Iterable[str], moving: Mapping[str, Any]) -> Any:
        """The weights of some terms as a float32 vector.

        Args:
            names: of the terms.
            moving: the weights that are not constant, by name.
        """
        weights = [moving[name] if name in moving else self.constant[name] for name in names]
        if not moving:
            return ops.convert_to_tensor(np.array(weights, "float32"))
        return ops.stack([ops.cast(weight, "float32") for weight in weights])
