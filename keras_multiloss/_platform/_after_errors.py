"""A model that keeps its weights when a step raises."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from keras_multiloss._platform._keras import backend, keras

if TYPE_CHECKING:
    from collections.abc import Iterator

    _Model: Any = keras.Model
else:
    _Model = object

#: The parts of a training state of JAX, in Keras's order.
STATE_PARTS = (
    "trainable_variables",
    "non_trainable_variables",
    "optimizer_variables",
    "metrics_variables",
)


class KeepsWeightsAfterErrors(_Model):
    """A model whose variables have their values again after `fit`, `evaluate` or `predict` raised.

    With JAX, Keras takes the values out of the variables before the first step, and puts back
    those of the last step that finished. Here those of the beginning count as finished, so that
    they are put back if there was no other.
    """

    _jax_state: Any

    if backend() == "jax":

        def __setattr__(self, name: str, value: Any) -> None:
            """Keras's own; it looks for layers in the arrays of each training step in vain."""
            if name == "_jax_state":
                object.__setattr__(self, name, value)
            else:
                super().__setattr__(name, value)

        def _get_jax_state(self, **arguments: Any) -> Any:
            state = super()._get_jax_state(**arguments)
            if arguments.get("purge_model_variables"):
                parts = [part for part in STATE_PARTS if arguments.get(part)]
                self._jax_state = dict(zip(parts, state, strict=True))
            return state

        def fit(self, *args: Any, **kwargs: Any) -> Any:
            """Keras's own."""
            with self._weights_kept():
                return super().fit(*args, **kwargs)

        def evaluate(self, *args: Any, **kwargs: Any) -> Any:
            """Keras's own."""
            with self._weights_kept():
                return super().evaluate(*args, **kwargs)

        def predict(self, *args: Any, **kwargs: Any) -> Any:
            """Keras's own."""
            with self._weights_kept():
                return super().predict(*args, **kwargs)

        @contextlib.contextmanager
        def _weights_kept(self) -> Iterator[None]:
            try:
                yield
            except BaseException:
                self.jax_state_sync()
                self._jax_state = None
                raise
