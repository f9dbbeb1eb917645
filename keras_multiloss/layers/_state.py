"""What moves the weights of a sum: variables, which only a layer can own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from keras_multiloss._keras import add_counter, add_state, add_trained, keras, ops
from keras_multiloss._serialization import serializable
from keras_multiloss.layers._rows import Rows
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
        """The weights as far as they are known before the losses."""
        weights = self.loss.given_weights(self.step + 0)
        if self.rule is None or self.rule.needs_losses:
            return weights
        if self.is_assignable:
            scheduled = self.loss.scheduled_names
            assigned = {name: self.acting[i] for i, name in enumerate(self.loss.names)}
            return {n: w if n in scheduled else assigned[n] for n, w in weights.items()}
        factors = self.rule.weights(ops.ones((len(weights),)), self._values())
        return {name: w * factors[i] for i, (name, w) in enumerate(weights.items())}

    def _values(self) -> dict[str, Any]:
        """The state as a rule sees it."""
        values = {key: variable + 0 for key, variable in self.state.items()}
        return {**values, "step": self.step + 0}

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
            given: the weights as far as they are known.
            losses: the losses of those terms that are there.
            training: whether this is a training step.
            starts_epoch: whether it is the first of an epoch.
        """
        weighed = Weighed(given)
        if self.rule is not None:
            moves = training and self.trainable
            weighed = self._by_rule(self.rule, given, losses, moves, starts_epoch)
        if training:
            self.step.assign(self.step + 1)
        return weighed

    def _by_rule(
        self,
        rule: Weighting,
        given: dict[str, Any],
        losses: dict[str, Any],
        moves: bool,
        starts_epoch: Any,
    ) -> Weighed:
        rows = Rows.of(self.loss.names, given, losses)
        if not rows.places:
            return Weighed(given)
        before = self._values()
        if moves:
            before = _where(starts_epoch, rule.start_epoch(before), before)
        seen, state = rows.losses(losses), rows.state(before)
        if moves:
            # A step that overflowed is one that the loss scale skips.
            is_sound = ops.all(ops.isfinite(seen))
            state = _where(is_sound, rule.advance(seen, state), state)
            self._store(rows.merged(state, before))
        weights = given
        if rule.needs_losses:
            factors = rule.weights(seen, state)
            weights = {**given, **{n: given[n] * factors[k] for k, n in enumerate(rows.names)}}
        if moves and not self.is_assignable:
            acting = ops.stack([ops.cast(weights[name], "float32") for name in rows.names])
            acted = rows.merged({"acting": acting}, {"acting": self.acting + 0}, all_rows=True)
            self.acting.assign(ops.stop_gradient(acted["acting"]))
        return Weighed(weights, rule.penalty(seen, state) if rule.has_penalty else None)

    def _store(self, state: dict[str, Any]) -> None:
        for key, variable in self.state.items():
            if not variable.trainable:
                variable.assign(state[key])

    def load_own_variables(self, store: Any) -> None:
        """Weights of a model that had no moving weights leave the state as it is."""
        if len(store.keys()):
            super().load_own_variables(store)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "loss": self.loss.get_config()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> TermWeights:
        config = dict(config)
        return cls(WeightedSumLoss.from_config(config.pop("loss")), **config)


def _where(condition: Any, state: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """One state or another, entry by entry."""
    return {
        key: other[key]
        if state[key] is other[key]
        else ops.where(condition, state[key], other[key])
        for key in other
    }
