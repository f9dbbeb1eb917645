"""What moves the weights of a sum: variables, which only a layer can own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from keras_multiloss._keras import (
    add_counter,
    add_state,
    add_trained,
    keras,
    mean_over_replicas,
    ops,
)
from keras_multiloss._serialization import serializable
from keras_multiloss.losses import WeightedSumLoss
from keras_multiloss.weighting import StaticWeighting

if TYPE_CHECKING:
    from keras_multiloss.weighting import Weighting


class Weighed(NamedTuple):
    """The weights of a step by name, and the penalty of the rule that set them."""

    weights: dict[str, Any]
    penalty: Any = None


@serializable
class TermWeights(keras.layers.Layer):
    """The weights of a sum at the present step: the count of steps and the state of a rule.

    Both hosts hold one where a weight moves. Training steps are counted, evaluation steps
    are not; all of it is saved with the model.

    Args:
        loss: the sum.
        name: name of the layer.
        **kwargs: as for every Keras layer.
    """

    def __init__(self, loss: WeightedSumLoss, name: str = "term_weights", **kwargs: Any) -> None:
        super().__init__(name=name, **{**kwargs, "dtype": "float32"})
        self.loss = loss
        self.step = add_counter(self, "step")
        self.state: dict[str, Any] = {}
        if self.rule is not None:
            for key, slot in self.rule.initial_state(loss.names).items():
                self.state[key] = self._add(key, slot)
            self.acting = add_state(self, "acting", self._weights_at_start())
        self.built = True

    @property
    def rule(self) -> Weighting | None:
        """The weighting of the sum."""
        return self.loss.weighting

    @property
    def is_assignable(self) -> bool:
        """Whether the weights are what they were assigned."""
        return isinstance(self.rule, StaticWeighting)

    def _add(self, key: str, slot: Any) -> Any:
        initial = np.asarray(slot.initial, "float32")
        if slot.trainable:
            return add_trained(self, key, initial, slot.constraint)
        return add_state(self, key, initial)

    def _weights_at_start(self) -> Any:
        given = self.loss.given_weights(0)
        values = [float(ops.convert_to_numpy(given[name])) for name in self.loss.names]
        return np.array(values, "float32")

    def given(self) -> dict[str, Any]:
        """The weights of the terms as they are before the rule multiplies them."""
        weights = self.loss.given_weights(self.step + 0)
        if not self.is_assignable:
            return weights
        scheduled = self.loss.scheduled_names
        assigned = {name: self.acting[i] for i, name in enumerate(self.loss.names)}
        return {name: w if name in scheduled else assigned[name] for name, w in weights.items()}

    def weigh(
        self,
        given: dict[str, Any],
        losses: dict[str, Any],
        *,
        training: bool,
        starts_epoch: Any,
    ) -> Weighed:
        """The weights for the losses of a step; in training the rule and the step move on.

        Args:
            given: the weights of the terms.
            losses: the losses of those terms that are there.
            training: whether this is a training step.
            starts_epoch: whether it is the first of an epoch.
        """
        weighed = (
            Weighed(given)
            if self.rule is None
            else self._by_rule(
                given, losses, moves=training and self.trainable, starts_epoch=starts_epoch
            )
        )
        if training:
            self.step.assign(self.step + 1)
        return weighed

    def _by_rule(
        self, given: dict[str, Any], losses: dict[str, Any], *, moves: bool, starts_epoch: Any
    ) -> Weighed:
        places = [i for i, name in enumerate(self.loss.names) if name in losses]
        if not places:
            return Weighed(given)
        rule: Any = self.rule
        state = {key: self._rows(variable, places) for key, variable in self.state.items()}
        state["step"] = self.step + 0
        seen = _seen(given, losses)
        if moves:
            state = _moved(rule, seen, state, starts_epoch)
            self._store(state, places)
        factors = rule.weights(seen, state)
        names = [self.loss.names[i] for i in places]
        weights = {**given, **{n: given[n] * factors[k] for k, n in enumerate(names)}}
        if moves and not self.is_assignable:
            acting = ops.stack([ops.cast(weights[name], "float32") for name in names])
            self.acting.assign(ops.stop_gradient(self._all_rows(acting, self.acting, places)))
        return Weighed(weights, rule.penalty(seen, state) if rule.has_penalty else None)

    def _rows(self, variable: Any, places: list[int]) -> Any:
        """The entries of the terms that are there, of a variable that has one for each."""
        value = variable + 0
        if len(places) == len(self.loss.names) or not self._is_by_term(value):
            return value
        return ops.stack([value[i] for i in places])

    def _is_by_term(self, value: Any) -> bool:
        return bool(tuple(value.shape)) and value.shape[0] == len(self.loss.names)

    def _store(self, state: dict[str, Any], places: list[int]) -> None:
        """Assign what the rule moved."""
        for key, variable in self.state.items():
            if not variable.trainable:
                variable.assign(self._all_rows(state[key], variable, places))

    def _all_rows(self, value: Any, variable: Any, places: list[int]) -> Any:
        """The new entries of the terms that are there, and the old ones of the others."""
        n_terms = len(self.loss.names)
        if len(places) == n_terms or not self._is_by_term(variable):
            return value
        return ops.stack(
            [value[places.index(i)] if i in places else variable[i] for i in range(n_terms)]
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "loss": self.loss.get_config()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> TermWeights:
        config = dict(config)
        return cls(WeightedSumLoss.from_config(config.pop("loss")), **config)


def _seen(given: dict[str, Any], losses: dict[str, Any]) -> Any:
    """The losses as a rule sees them: of the global batch, without gradients.

    A term whose weight is 0 is seen as a loss of 1, whatever it is.
    """
    rows = []
    for name, loss in losses.items():
        weight = ops.cast(given[name], "float32")
        rows.append(ops.where(weight == 0, ops.ones_like(loss), loss))
    return mean_over_replicas(ops.stop_gradient(ops.stack(rows)))


def _moved(rule: Any, losses: Any, state: dict[str, Any], starts_epoch: Any) -> dict[str, Any]:
    """The state after a training step."""
    anew = rule.start_epoch(state)
    for key, value in anew.items():
        if value is not state[key]:
            state = {**state, key: ops.where(starts_epoch, value, state[key])}
    return dict(rule.advance(losses, state))
