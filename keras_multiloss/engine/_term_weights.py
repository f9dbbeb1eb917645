"""The weights of the terms as a mapping, to read and to assign."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING

import numpy as np

from keras_multiloss._checks import check_finite_number
from keras_multiloss._messages import error, unknown_name
from keras_multiloss._platform import ops

if TYPE_CHECKING:
    from keras_multiloss.engine._term_weight_state import TermWeightState
    from keras_multiloss.spec import WeightedSumLoss


class TermWeights(MutableMapping[str, float]):
    """The current weight of each term, by name.

    Where the sum has `weighting="static"`, numbers can be assigned: each multiplies the weight
    that its term was given, as a schedule does, and acts from the next step on. The weights that a
    rule sets are those of the last training step.

    Args:
        loss: the sum.
        state: the layer that changes its weights; `None` where all are constant.
    """

    def __init__(self, loss: WeightedSumLoss, state: TermWeightState | None) -> None:
        self._loss = loss
        self._state = state

    def __getitem__(self, name: str) -> float:
        self._check_exists(name)
        given, state = self._loss.given_weights, self._state
        if name in given.schedules and (self._loss.weighting is None or given.are_assignable):
            step = None if state is None else state.step + 0
            return float(ops.convert_to_numpy(given.scheduled_at(step)[name]))
        if state is None or state.rule is None:
            return given.constant[name]
        return float(ops.convert_to_numpy(state.acting)[self._loss.task_names.index(name)])

    def __setitem__(self, name: str, factor: float) -> None:
        self._check_exists(name)
        number = check_finite_number("term_weights", name, factor)
        given, state = self._loss.given_weights, self._state
        if state is None or not given.are_assignable or name in given.schedules:
            raise self._not_assignable(name, factor)
        if given.constant[name] == 0.0 and number != 0.0:
            raise error(
                ValueError,
                "term_weights",
                f"term {name!r} was given the weight 0, which no factor changes",
                expected="a term built with a weight other than 0; assigning 0 switches it off",
                received=f"term_weights[{name!r}] = {factor!r}",
            )
        weights = np.array(ops.convert_to_numpy(state.acting))
        weights[self._loss.task_names.index(name)] = number * given.constant[name]
        state.acting.assign(weights)

    def _not_assignable(self, name: str, factor: float) -> ValueError:
        rule = self._loss.weighting
        if name in self._loss.given_weights.schedules:
            what = "follows a schedule"
        else:
            what = "is constant" if rule is None else f"is set by {type(rule).__name__}"
        return error(
            ValueError,
            "term_weights",
            f"the weight of term {name!r} {what}",
            expected="a sum whose weights are open to change",
            received=f"term_weights[{name!r}] = {factor!r}",
            hint='compile with WeightedSumLoss(terms, weighting="static")',
        )

    def _check_exists(self, name: str) -> None:
        if name not in self._loss.task_names:
            raise unknown_name("term_weights", "there is no such term", name, self._loss.task_names)

    def __delitem__(self, name: str) -> None:
        raise error(
            TypeError,
            "term_weights",
            "a term cannot be taken out of a compiled loss",
            expected="term_weights[name] = 0.0, which switches it off",
            received=f"del term_weights[{name!r}]",
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._loss.task_names)

    def __len__(self) -> int:
        return len(self._loss.task_names)

    def __repr__(self) -> str:
        return repr(dict(self))

    @property
    def trainable(self) -> bool:
        """Whether the rule changes weights; as for every layer, compile the model after setting it.

        `model.compile(optimizer, loss=model.loss)` keeps what the rule has learned.
        """
        return self._state is None or bool(self._state.trainable)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        if self._state is not None:
            self._state.trainable = value
