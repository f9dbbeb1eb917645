"""The part of a model that balances the gradients of its shared parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._messages import error
from keras_multiloss._platform import TrainingStep, backend, has_own_method, loss_scale
from keras_multiloss.engine import Variables, balanced_on_jax, with_balanced_gradients
from keras_multiloss.models._state_holder import StateHolder

if TYPE_CHECKING:
    from collections.abc import Callable

    from keras_multiloss.engine import Step
    from keras_multiloss.models._compiled_loss import CompiledLoss


class BalancedModel(StateHolder, TrainingStep):
    """A model whose gradients an aggregator balances, if it is compiled with one.

    On TensorFlow and PyTorch, the loss of a training step gets its gradients in `compute_loss`;
    on JAX in the function that Keras differentiates, to which `compute_loss` hands the step.
    """

    _compiled_loss: CompiledLoss | None

    #: Where `compute_loss` leaves the step for the one who called it; emptied at once.
    _handed_over: list[Step] | None = None

    @property
    def _balances(self) -> bool:
        return self._compiled_loss is not None and self.aggregator_state() is not None

    def _with_balanced_gradients(self, step: Step, total: Any) -> Any:
        """The total loss of a training step, with balanced gradients if there is an aggregator."""
        compiled, state = self._compiled_loss, self.aggregator_state()
        if compiled is None or state is None:
            return total
        self._check_is_in_step_of_keras()
        if self._handed_over is not None:
            self._handed_over.append(step)
            return total
        return with_balanced_gradients(
            step,
            compiled.loss.given_weights.active,
            total,
            self._variables(),
            state,
            tape=self._tape,
            scale=loss_scale(self.optimizer),
        )

    def _check_is_in_step_of_keras(self) -> None:
        is_inside = self._is_recorded if backend() != "jax" else self._handed_over is not None
        if not is_inside:
            raise error(
                ValueError,
                "MultiLossModel.fit",
                "the aggregator cannot balance the gradients of this training step",
                expected="the `train_step` of Keras, or one that calls it by `super()`",
                received=f"a `train_step` of {type(self).__name__} that computes gradients itself",
                hint="the layer kml.GradientBalancer balances them in any training step",
            )

    def _moves_in_own_step(self) -> Exception:
        return error(
            ValueError,
            "MultiLossModel.compute_loss",
            "weights that change in training need the training step of Keras",
            expected="the `train_step` of Keras, or one that calls it by `super()`",
            received=f"a `train_step` of {type(self).__name__} that computes gradients itself",
            hint="with JAX, variables are assigned inside `with keras.StatelessScope(...)` only",
        )

    def _balanced(
        self,
        loss_and_updates: Callable[[Any], Any],
        values: Any,
        other_values: Any,
        optimizer_values: Any,
    ) -> Any:
        active = self._compiled_loss.loss.given_weights.active  # type: ignore[union-attr]

        def step_and_updates(values: Any) -> tuple[list[Any], Any, Any]:
            self._handed_over = []
            try:
                found = loss_and_updates(values)
                step = self._handed_over.pop()
            finally:
                self._handed_over = None
            return step.tasks(active), step.rest, found

        state: Any = self.aggregator_state()
        return balanced_on_jax(
            self,
            self._variables(),
            state,
            step_and_updates,
            values,
            other_values,
            optimizer_values,
            is_of_rule=self._is_turn,
        )

    @property
    def _n_of_turns(self) -> int | None:
        state: Any = self.aggregator_state()
        if not self._balances or state.every_n_steps == 1 or has_own_method(self, "train_step"):
            return None
        return int(state.every_n_steps)

    def _steps_to_turn(self, values: Any) -> int:
        state: Any = self.aggregator_state()
        left = state.state_variables()["steps_left"]
        pairs = zip(self.non_trainable_variables, values, strict=True)
        return int(next(value for variable, value in pairs if variable is left))

    def _variables(self) -> Variables:
        weights = self.term_weight_state()
        return Variables(
            self.trainable_variables, [] if weights is None else weights.trainable_variables
        )
