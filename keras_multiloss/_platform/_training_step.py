"""Keras's own training step, with a place in it where gradients are taken apart."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any, ClassVar

from keras_multiloss._platform._after_errors import KeepsWeightsAfterErrors
from keras_multiloss._platform._gradients import task_tape
from keras_multiloss._platform._keras import backend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class TrainingStep(KeepsWeightsAfterErrors):
    """A model that may make gradients of its own out of what Keras differentiates.

    Keras's training step runs as it is. On TensorFlow and PyTorch, `compute_loss` finds the record
    of the step in `_tape` and returns a loss that has its gradients already; on JAX, `_balanced`
    gets the function that Keras differentiates.
    """

    #: What records the training step that runs in a thread; `tf.distribute` has one per replica.
    _record: ClassVar[Any] = threading.local()

    @property
    def _tape(self) -> Any:
        """What records the training step that is running."""
        return getattr(self._record, "tape", None)

    @property
    def _balances(self) -> bool:
        """Whether gradients are taken apart."""
        return False

    def _balanced(
        self, loss_and_updates: Callable[[Any], Any], values: Any, optimizer_values: Any
    ) -> Any:
        """What Keras differentiates in a training step, with gradients of its own (JAX only).

        Args:
            loss_and_updates: from values of the trainable variables to the loss, which the
                optimizer has scaled, and to all else that changes.
            values: those of the trainable variables.
            optimizer_values: those of the variables of the optimizer.
        """
        raise NotImplementedError

    if backend() != "jax":

        def train_step(self, *args: Any) -> Any:
            """Keras's own, on record where gradients are taken apart."""
            with self._recorded() if self._balances else contextlib.nullcontext():
                return super().train_step(*args)

        @contextlib.contextmanager
        def _recorded(self) -> Iterator[None]:
            with task_tape() as tape:
                self._record.tape = tape
                try:
                    yield
                finally:
                    self._record.tape = None

    else:

        def compute_loss_and_updates(
            self,
            trainable_variables: Any,
            non_trainable_variables: Any,
            metrics_variables: Any,
            x: Any,
            y: Any,
            sample_weight: Any,
            training: bool = False,
            optimizer_variables: Any = None,
        ) -> Any:
            """Keras's own; in training with the gradients that `_balanced` makes."""
            if training and self._balances:
                in_keras = super().compute_loss_and_updates
                rest = (non_trainable_variables, metrics_variables, x, y, sample_weight)
                options = {"training": True, "optimizer_variables": optimizer_variables}
                return self._balanced(
                    lambda values: in_keras(values, *rest, **options),
                    trainable_variables,
                    optimizer_variables,
                )
            return super().compute_loss_and_updates(
                trainable_variables,
                non_trainable_variables,
                metrics_variables,
                x,
                y,
                sample_weight,
                training=training,
                optimizer_variables=optimizer_variables,
            )
