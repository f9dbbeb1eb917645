"""What moves the weights of a sum: variables, which only a layer can own."""

from __future__ import annotations

from typing import Any

from keras_multiloss._keras import add_counter, keras
from keras_multiloss._serialization import serializable


@serializable
class TermWeights(keras.layers.Layer):
    """The weights of a sum at the present step, and the count of steps.

    Both hosts hold one where a weight follows a schedule. Training steps are counted,
    evaluation steps are not; the count is saved with the model.
    """

    def __init__(self, name: str = "term_weights", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.step = add_counter(self, "step")
        self.built = True

    def current(self, loss: Any, *, training: bool) -> dict[str, Any]:
        """The weight of each term by name; in training the step is then counted."""
        weights: dict[str, Any] = loss.term_weights(self.step + 0)
        if training:
            self.step.assign(self.step + 1)
        return weights
