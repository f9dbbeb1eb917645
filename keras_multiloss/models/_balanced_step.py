"""Where a training step of Keras gets balanced gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._gradients import task_tape
from keras_multiloss._keras import backend, keras, loss_scale
from keras_multiloss.models._balancing import Variables, balanced, balanced_function

if TYPE_CHECKING:
    from keras_multiloss.layers._aggregator_state import AggregatorState
    from keras_multiloss.models._compiled import CompiledLoss

    _Model: Any = keras.Model
else:
    _Model = object


class BalancedStep(_Model):
    """The part of a model that balances the gradients of its shared parameters.

    Keras runs its own training step. On TensorFlow and torch the loss of that step gets its
    gradients in `compute_loss`, on JAX in the function that Keras differentiates.
    """

    _multi_loss: CompiledLoss | None = None

    @property
    def _balance_state(self) -> AggregatorState | None:
        """What balances; on torch a layer is not found behind a class attribute."""
        return getattr(self, "_aggregator_state", None)

    def _with_balanced_gradients(self, total: Any) -> Any:
        """The total loss of a training step, with balanced gradients if there is an aggregator."""
        compiled, state = self._multi_loss, self._balance_state
        if compiled is None or state is None or backend() == "jax":
            return total
        variables, scale = Variables.of(self), loss_scale(self.optimizer)
        return balanced(total, compiled.parts, variables, state, compiled.tape, scale)

    def train_step(self, *arguments: Any) -> Any:
        """Keras's own, on record where an aggregator takes the gradients apart."""
        if self._balance_state is None or self._multi_loss is None:
            return super().train_step(*arguments)
        with task_tape() as self._multi_loss.tape:
            return super().train_step(*arguments)

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
            """Keras's own; in training with the gradients that an aggregator makes."""

            def loss_and_updates(values: Any) -> Any:
                return super(BalancedStep, self).compute_loss_and_updates(
                    values,
                    non_trainable_variables,
                    metrics_variables,
                    x,
                    y,
                    sample_weight,
                    training=training,
                    optimizer_variables=optimizer_variables,
                )

            compiled, state = self._multi_loss, self._balance_state
            if compiled is None or state is None or not training:
                return loss_and_updates(trainable_variables)
            values = trainable_variables, optimizer_variables
            return balanced_function(self, compiled, state, loss_and_updates, *values)
