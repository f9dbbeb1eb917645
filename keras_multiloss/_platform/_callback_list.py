"""The callbacks of `fit` and `evaluate`, told of packed logs without a detour (Keras 3).

Keras asks of every log of every batch whether it is a tensor, which takes longer than a step of
many terms. Logs that were packed are numbers, once they are taken apart.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from keras_multiloss._platform._keras import KERAS_3, keras, leaves_of
from keras_multiloss._platform._step_logs import StepLogs

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_BATCH_SIZE = 32


class StepCallbackList(keras.callbacks.CallbackList if KERAS_3 else object):  # type: ignore[misc]
    """Keras's own list, for logs that were packed.

    Callbacks see what they see in the list of Keras. Nothing is taken apart that none looks at.
    """

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Tell the callbacks, if one listens."""
        if self._is_heard("on_train_batch_end"):
            super().on_train_batch_end(batch, logs)

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Tell the callbacks, if one listens."""
        if self._is_heard("on_test_batch_end"):
            super().on_test_batch_end(batch, logs)

    def _is_heard(self, event: str) -> bool:
        """Whether a callback does anything at an event; by default it calls `on_batch_end`."""
        return any(
            getattr(getattr(callback, name), "__func__", None)
            is not getattr(keras.callbacks.Callback, name)
            for callback in self.callbacks
            for name in {event, "on_batch_end"}
        )

    def _on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._tell("on_train_batch_end", super()._on_train_batch_end, batch, logs)

    def _on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self._tell("on_test_batch_end", super()._on_test_batch_end, batch, logs)

    def _tell(self, event: str, in_keras: Callable[..., None], batch: int, logs: Any) -> None:
        """Tell the callbacks of packed logs; of others as Keras does."""
        if not isinstance(logs, StepLogs):
            in_keras(batch, logs)
            return
        numbers = logs.as_numbers()
        for callback in self.callbacks:
            getattr(callback, event)(batch, logs=numbers)


def with_callback_list(model: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `fit` or `evaluate`, with the list of callbacks that Keras would make.

    It needs the number of batches, which only arrays tell beforehand; for other data it is left to
    Keras, and so is a list that a user made.
    """
    callbacks, steps = arguments.get("callbacks"), number_of_steps(arguments)
    if not KERAS_3 or steps is None or isinstance(callbacks, keras.callbacks.CallbackList):
        return arguments
    is_fit, verbose = "epochs" in arguments, arguments["verbose"]
    made = StepCallbackList(
        callbacks,
        add_history=is_fit,
        add_progbar=verbose != 0,
        verbose=verbose,
        epochs=arguments["epochs"] if is_fit else 1,
        steps=steps,
        model=model,
    )
    return {**arguments, "callbacks": made}


def number_of_steps(arguments: dict[str, Any]) -> int | None:
    """How many batches `fit` or `evaluate` takes from arrays; `None` for other data."""
    given = arguments.get("steps_per_epoch", arguments.get("steps"))
    arrays = leaves_of(arguments["x"])
    if not arrays or not all(getattr(array, "shape", None) for array in arrays):
        return None
    if given:
        return int(given)
    n_samples = int(arrays[0].shape[0])
    if arguments.get("validation_split") and arguments.get("validation_data") is None:
        n_samples = math.floor(n_samples * (1.0 - arguments["validation_split"]))
    return math.ceil(n_samples / (arguments.get("batch_size") or DEFAULT_BATCH_SIZE))
