"""What changes the weights of a sum: variables, which only a layer can own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_multiloss._checks import check_config
from keras_multiloss._platform import (
    add_counter,
    add_state,
    add_trained,
    keras,
    ops,
)
from keras_multiloss.engine._epoch_clock import EpochClock
from keras_multiloss.engine._seen_terms import SeenTerms
from keras_multiloss.engine._state_layer import StateLayer
from keras_multiloss.spec import WeightedSumLoss

if TYPE_CHECKING:
    from keras_multiloss.weighting import Weighting


#: Before the names of the state variables of a rule, in files.
OF_RULE = "rule_"


@keras.saving.register_keras_serializable(package="keras_multiloss", name="TermWeights")
class TermWeightState(StateLayer):
    """The count of training steps, and the state of the rule that weighs the terms of a sum.

    Both hosts hold one where a weight changes; all of it is saved with the model. Evaluation
    steps are not counted.

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
            initial = self.rule.initial_state(loss.task_names)
            self._trained = frozenset(key for key, value in initial.items() if value.trainable)
            for key, variable in initial.items():
                self.state[key] = self._add(key, variable)
            self.acting = add_state(self, "acting", self._weights_at_start())
        epoch_step = self.add_metric_counter("epoch_step")
        self.epoch_clock = EpochClock(lambda: epoch_step)
        self.built = True

    @property
    def rule(self) -> Weighting | None:
        """The weighting of the sum."""
        return self.loss.weighting

    def _add(self, key: str, variable: Any) -> Any:
        initial = np.asarray(variable.initial, "float32")
        if variable.trainable:
            return add_trained(self, key, initial, variable.constraint)
        return add_state(self, key, initial)

    def _weights_at_start(self) -> Any:
        given = self.loss.given_weights
        return np.array(
            ops.convert_to_numpy(given.vector(self.loss.task_names, given.scheduled_at(0))),
            "float32",
        )

    def known_weights(self) -> dict[str, Any]:
        """The weights that change, as far as they are known before the losses, by name."""
        given = self.loss.given_weights
        scheduled = given.scheduled_at(self.step + 0)
        if self.rule is None or self.rule.needs_losses:
            return scheduled
        names = self.loss.task_names
        if given.are_assignable:
            return {**{name: self.acting[i] for i, name in enumerate(names)}, **scheduled}
        factors = self.rule.weights(ops.ones((len(names),)), self._values())
        weights = given.vector(names, scheduled) * factors
        return {name: weights[i] for i, name in enumerate(names)}

    def weights_of_parts(self) -> dict[tuple[str, str], Any]:
        """The weights of parts that follow schedules, by term and part."""
        return self.loss.given_weights.parts_at(self.step + 0)

    def _values(self) -> dict[str, Any]:
        """The state as a rule sees it."""
        values = {key: variable + 0 for key, variable in self.state.items()}
        return {**values, "step": self.step + 0}

    def weigh(
        self, names: list[str], weights: Any, losses: Any, *, training: bool
    ) -> tuple[Any, Any]:
        """The weights for the losses of a step, and the penalty of the rule, or `None`.

        In training the rule and the count of steps move on.

        Args:
            names: the names of the tasks that are there.
            weights: their weights as far as they are known, a vector.
            losses: their losses, a vector.
            training: whether this is a training step.
        """
        penalty = None
        if self.rule is not None:
            moves = training and self.trainable
            weights, penalty = self._by_rule(self.rule, names, weights, losses, moves)
        if training:
            self.step.assign(self.step + 1)
            self.epoch_clock.update_state()
        return weights, penalty

    def _by_rule(
        self, rule: Weighting, names: list[str], weights: Any, losses: Any, moves: bool
    ) -> tuple[Any, Any]:
        seen = SeenTerms(
            self.loss.task_names, self.loss.given_weights.active, names, weights, losses
        )
        if not seen.places:
            return weights, None
        stored = before = self._values()
        if moves:
            before = _where(self.epoch_clock.is_at_start(), rule.start_epoch(stored), stored)
        state = known = seen.state(before, self._trained)
        if moves:
            # Loss scaling skips a step that overflowed.
            is_sound = ops.all(ops.isfinite(seen.losses))
            state = _where(is_sound, rule.advance(seen.losses, known), known)
            self._store(seen.merged(state, known, before), stored)
        if rule.needs_losses:
            factors = rule.weights(seen.losses, state)
            weights = seen.in_step(seen.of_step(weights) * factors, weights)
        if moves and not rule.is_assignable:
            acting = seen.in_all(seen.of_step(weights), self.acting + 0)
            self.acting.assign(ops.stop_gradient(acting))
        return weights, rule.penalty(seen.losses, state) if rule.has_penalty else None

    def _store(self, state: dict[str, Any], stored: dict[str, Any]) -> None:
        for key, variable in self.state.items():
            if key not in self._trained and state[key] is not stored[key]:
                variable.assign(state[key])

    def state_variables(self) -> dict[str, Any]:
        variables = {"step": self.step}
        if self.rule is not None:
            variables |= {f"{OF_RULE}{key}": value for key, value in self.state.items()}
            variables["acting"] = self.acting
        return variables

    def state_terms(self) -> list[str]:
        return self.loss.task_names

    def term_axes(self, key: str) -> list[int]:
        shape = tuple(self.state_variables()[key].shape)
        return [0] if shape[:1] == (len(self.loss.task_names),) else []

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "loss": self.loss.get_config()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> TermWeightState:
        config = check_config(cls, config, [*config], required=("loss",))
        return cls(WeightedSumLoss.from_config(config.pop("loss")), **config)


def _where(condition: Any, state: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """One state or another, entry by entry."""
    return {
        key: other[key]
        if state[key] is other[key]
        else ops.where(condition, state[key], other[key])
        for key in other
    }
