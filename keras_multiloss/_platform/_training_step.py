"""Keras's own training step, with a place in it where gradients are taken apart."""

from __future__ import annotations

import contextlib
import importlib
import threading
from typing import TYPE_CHECKING, Any, ClassVar

from keras_multiloss._platform._after_errors import KeepsWeightsAfterErrors
from keras_multiloss._platform._gradients import task_tape
from keras_multiloss._platform._keras import backend, is_traced, leaves_of
from keras_multiloss._platform._step_logs import PacksLogs
from keras_multiloss._platform._turns import TakesTurns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def is_outside_of_scope(outputs: Any) -> bool:
    """Whether variables that are assigned now are lost: in a traced step, outside Keras's scope.

    On JAX, a `train_step` of a user's own may compute the loss there.
    """
    if backend() != "jax":
        return False
    scope = importlib.import_module("keras.src.backend.common.stateless_scope")
    return any(map(is_traced, leaves_of(outputs))) and not scope.in_stateless_scope()


class TrainingStep(PacksLogs, TakesTurns, KeepsWeightsAfterErrors):
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
    def _is_recorded(self) -> bool:
        """Whether a training step of Keras is running, of which `_tape` keeps a record."""
        return getattr(self._record, "is_running", False)

    @property
    def _balances(self) -> bool:
        """Whether gradients are taken apart."""
        return False

    def _balanced(
        self,
        loss_and_updates: Callable[[Any], Any],
        values: Any,
        other_values: Any,
        optimizer_values: Any,
    ) -> Any:
        """What Keras differentiates in a training step, with gradients of its own (JAX only).

        Args:
            loss_and_updates: from values of the trainable variables to the loss, which the
                optimizer has scaled, and to all else that changes.
            values: those of the trainable variables.
            other_values: those of the variables that are not trained.
            optimizer_values: those of the variables of the optimizer.
        """
        raise NotImplementedError

    def _in_step(self) -> contextlib.AbstractContextManager[None]:
        """What is open while Keras runs a step of training or evaluation, or builds for one."""
        return contextlib.nullcontext()

    def _batch_as_given(self, data: Any) -> Any:
        """What the methods of a step see of the data."""
        return data

    def train_step(self, *args: Any) -> Any:
        """Keras's own, on record where gradients are taken apart."""
        *state, data = args
        records = self._balances and backend() != "jax"
        recorded = self._recorded() if records else contextlib.nullcontext()
        with self._in_program_for(data) as batch, self._in_step(), recorded:
            return super().train_step(*state, self._batch_as_given(batch))

    def test_step(self, *args: Any) -> Any:
        """Keras's own."""
        *state, data = args
        with self._in_step():
            return super().test_step(*state, self._batch_as_given(data))

    def _symbolic_build(self, *args: Any, **kwargs: Any) -> Any:
        """Keras's own, which makes the variables of metrics in a step of symbols."""
        with self._in_step():
            return super()._symbolic_build(*args, **kwargs)

    @property
    def has_total_loss(self) -> bool:
        """Whether `compute_loss` is the model's own, which knows whether it needs a label."""
        return False

    def _validate_target_and_loss(self, y: Any, loss: Any) -> None:
        """That of Keras 2, which insists on labels wherever there is a loss."""
        if not self.has_total_loss:
            super()._validate_target_and_loss(y, loss)

    @contextlib.contextmanager
    def _recorded(self) -> Iterator[None]:
        with task_tape() as tape:
            self._record.tape, self._record.is_running = tape, True
            try:
                yield
            finally:
                self._record.tape, self._record.is_running = None, False

    if backend() == "jax":

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
                    non_trainable_variables,
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
