"""The weights of the terms as a mapping, to read and to assign."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING

import numpy as np

from keras_multiloss._checks import check_finite_number, error, unknown_name
from keras_multiloss._keras import ops

if TYPE_CHECKING:
    from keras_multiloss.layers._state import TermWeights
    from keras_multiloss.losses import WeightedSumLoss


class TermWeightsView(MutableMapping[str, float]):
    """The weight of each term as it acts now, by name.

    Where the sum has `weighting="static"`, a weight can be assigned; it acts from the next
    step on. The weights that a rule sets are those of the last training step.

    Args:
        loss: the sum.
        state: the layer that moves its weights; `None` where none moves.
    """

    def __init__(self, loss: WeightedSumLoss, state: TermWeights | None) -> None:
        self._loss = loss
        self._state = state

    def __getitem__(self, name: str) -> float:
        self._check_exists(name)
        state = self._state
        if state is None:
            return float(self._loss.given_weights(None)[name])
        if state.rule is None or (state.is_assignable and name in self._loss.scheduled_names):
            return float(ops.convert_to_numpy(self._loss.given_weights(state.step + 0)[name]))
        return float(ops.convert_to_numpy(state.acting)[self._loss.names.index(name)])

    def __setitem__(self, name: str, weight: float) -> None:
        self._check_exists(name)
        number = check_finite_number("term_weights", name, weight)
        state = self._state
        if state is None or not state.is_assignable or name in self._loss.scheduled_names:
            raise self._not_assignable(name, weight)
        weights = np.array(ops.convert_to_numpy(state.acting))
        weights[self._loss.names.index(name)] = number
        state.acting.assign(weights)

    def _not_assignable(self, name: str, weight: float) -> ValueError:
        rule = self._loss.weighting
        if name in self._loss.scheduled_names:
            what = "follows a schedule"
        else:
            what = "is constant" if rule is None else f"is set by {type(rule).__name__}"
        return error(
            ValueError,
            "term_weights",
            f"the weight of term {name!r} {what}",
            expected="a sum whose weights are open to change",
            received=f"term_weights[{name!r}] = {weight!r}",
            hint='compile with WeightedSumLoss(terms, weighting="static")',
        )

    def _check_exists(self, name: str) -> None:
        if name not in self._loss.names:
            raise unknown_name("term_weights", "there is no such term", name, self._loss.names)

    def __delitem__(self, name: str) -> None:
        raise error(
            TypeError,
            "term_weights",
            "a term cannot be taken out of a compiled loss",
            expected="term_weights[name] = 0.0, which switches it off",
            received=f"del term_weights[{name!r}]",
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._loss.names)

    def __len__(self) -> int:
        return len(self._loss.names)

    def __repr__(self) -> str:
        return repr(dict(self))

    @property
    def trainable(self) -> bool:
        """Whether the rule moves; as for every layer, a change acts once the model is compiled.

        `model.compile(optimizer, loss=model.loss)` keeps what the rule has learned.
        """
        return self._state is None or bool(self._state.trainable)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        if self._state is not None:
            self._state.trainable = value
