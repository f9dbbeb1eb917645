"""The layers of a model that hold the state of its rules."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from keras_multiloss._platform import keras, set_state_layer
from keras_multiloss.engine import AggregatorState, FileState, TermWeightState

if TYPE_CHECKING:
    from keras_multiloss.engine import StateLayer
    from keras_multiloss.spec import WeightedSumLoss

    _Model: Any = keras.Model
else:
    _Model = object

#: The attributes under which files have the layers.
TERM_WEIGHTS, AGGREGATOR = "_term_weights", "_aggregator_state"

#: Their classes.
LAYERS = {TERM_WEIGHTS: TermWeightState, AGGREGATOR: AggregatorState}


class StateHolder(_Model):
    """A model with layers for the state of its weighting and of its aggregator.

    `compile` makes them; a file of weights that is loaded earlier waits for them.
    """

    # Methods and not properties: under the name of a property, Keras would store what it gives.
    # `getattr`, as on torch a layer is not found behind a class attribute of its name.

    def term_weight_state(self) -> TermWeightState | None:
        """The layer that moves the weights of the terms; `None` where none moves."""
        return getattr(self, TERM_WEIGHTS, None)

    def aggregator_state(self) -> AggregatorState | None:
        """The layer that balances; `None` where nothing is balanced."""
        return getattr(self, AGGREGATOR, None)

    def _term_weights_for(self, spec: WeightedSumLoss) -> TermWeightState | None:
        """What changes the weights of a sum; the same rule goes on, for the terms that stay."""
        state = self.term_weight_state()
        if state is not None and state.loss is spec:
            return state
        if not spec.is_moving:
            return None
        new = TermWeightState(spec)
        new.trainable = bool(self.trainable)
        if state is not None and _goes_on(state.loss, spec):
            new.take_over(state)
        return new

    def _set_state(self, attribute: str, layer: StateLayer | None) -> None:
        """Put a layer of state in place of the one before; it gets what a file had for it."""
        found = self._found_states().pop(attribute, None)
        if layer is getattr(self, attribute, None):
            return
        set_state_layer(self, attribute, layer)
        if layer is not None and found is not None:
            try:
                layer.load_own_variables(found)
            except ValueError as e:
                warnings.warn(f"The state of a file of weights is left out. {e}", stacklevel=6)

    def load_weights(self, filepath: Any, *args: Any, **kwargs: Any) -> Any:
        """Keras's own; the state of a rule waits for `compile` where there is no layer for it."""
        readers = {
            attribute: FileState.of(cls)
            for attribute, cls in LAYERS.items()
            if getattr(self, attribute, None) is None
        }
        for attribute, reader in readers.items():
            set_state_layer(self, attribute, reader)
        try:
            result = super().load_weights(filepath, *args, **kwargs)
        finally:
            for attribute in readers:
                set_state_layer(self, attribute, None)
        found = {attribute: dict(reader.values) for attribute, reader in readers.items()}
        self._found_states().update({a: values for a, values in found.items() if values})
        return result

    def _found_states(self) -> dict[str, dict[str, Any]]:
        """What a file had for layers that are not there yet, by attribute."""
        if "_found" not in self.__dict__:
            self._found = _Found()
        return self._found.states


def _goes_on(before: WeightedSumLoss, after: WeightedSumLoss) -> bool:
    """Whether a sum has the rule of another one, or, without a rule, some of its schedules."""
    if after.weighting is not None:
        return before.weighting is after.weighting
    scheduled = [id(term) for term in before.terms if callable(term.weight)]
    return any(id(term) in scheduled for term in after.terms)


class _Found:
    """No object of Keras, so that no model tracks it."""

    def __init__(self) -> None:
        self.states: dict[str, dict[str, Any]] = {}
