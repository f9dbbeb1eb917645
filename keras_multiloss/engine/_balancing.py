"""How the task gradients of the parameters that tasks share are balanced in a training step.

Keras's own training step runs as it is, with whatever it does to gradients. The loss that it
differentiates has the value of the total loss, and gradients that were computed before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_multiloss._platform import (
    gradients_of,
    gradients_of_function,
    keras,
    loss_scale,
    n_replicas,
    ops,
    paused,
    sum_over_replicas,
    value_of,
    with_gradients,
)
from keras_multiloss.engine._shared_variables import (
    merged_gradients,
    of_global_batch,
    reached_of,
    split_gradients,
)
from keras_multiloss.engine._weights_by_turns import combined_by_turns
from keras_multiloss.engine._weights_by_turns_on_jax import combined_by_turns_on_jax

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from keras_multiloss.engine._aggregator_state import AggregatorState
    from keras_multiloss.engine._shared_variables import Variables
    from keras_multiloss.engine._step import Step


def with_balanced_gradients(
    step: Step,
    active: Sequence[str],
    total: Any,
    variables: Variables,
    state: AggregatorState,
    *,
    tape: Any,
    scale: Any,
) -> Any:
    """The total loss, with balanced gradients of the variables that several terms share.

    Args:
        step: of training.
        active: the names of the terms that can count.
        total: the total loss, scaled for distribution.
        variables: what is trained.
        state: the aggregator with its state.
        tape: what recorded the step.
        scale: of the losses, for float16.
    """
    factor = scale / n_replicas()
    tasks = step.tasks(active)
    losses = [factor * loss for loss in [*tasks, step.rest]]
    with paused(tape):
        if state.every_n_steps > 1:
            combined = combined_by_turns(losses, variables, state, tasks, tape)
        else:
            gradients = gradients_of(losses, variables.trained, tape)
            combined = combined_gradients(gradients, variables, state, tasks)
    pairs = [(v, g) for v, g in zip(variables.trained, combined, strict=True) if g is not None]
    values = [value_of(v) for v, _ in pairs]
    return with_gradients(total, values, [g / ops.cast(scale, g.dtype) for _, g in pairs])


def combined_gradients(
    gradients: list[list[Any]],
    variables: Variables,
    state: AggregatorState,
    losses: Sequence[Any],
) -> list[Any]:
    """One gradient of each variable: balanced where several tasks share it, else the sum.

    The gradient of a variable that no loss depends on is `None`.

    Args:
        gradients: for each task and, last, for all that belongs to none, those of each variable;
            `None` where there is none.
        variables: what is trained.
        state: the aggregator with its state.
        losses: the losses of the tasks.
    """
    is_shared = variables.are_shared(reached_of(gradients))
    blocks, others = split_gradients(gradients, is_shared)
    blocks = [sum_over_replicas(block) for block in blocks]
    sizes = [int(np.prod(v.shape)) for v in variables.trained]
    joined = state.combine(blocks, sizes, is_shared, of_global_batch(losses)) if blocks else []
    return merged_gradients(variables.trained, is_shared, joined, others)


def balanced_on_jax(
    model: Any,
    variables: Variables,
    state: AggregatorState,
    step_and_updates: Callable[[Any], tuple[list[Any], Any, Any]],
    values: Any,
    other_values: Any,
    optimizer_values: Any,
    *,
    is_of_rule: bool | None,
) -> Any:
    """What `compute_loss_and_updates` gives, with balanced gradients.

    Args:
        model: the model.
        variables: what it trains.
        state: the aggregator with its state.
        step_and_updates: from values of the trainable variables to the losses of the tasks, to
            what belongs to none, and to what Keras's own function gives.
        values: those of the trainable variables.
        other_values: those of the variables that are not trained.
        optimizer_values: those of the variables of the optimizer.
        is_of_rule: whether it is the turn of the rule, where the program of a step is made for
            that.
    """
    mapping = list(zip(model.optimizer.variables, optimizer_values, strict=True))
    with keras.StatelessScope(state_mapping=mapping):
        scale = loss_scale(model.optimizer)

    def scaled_losses(values: Any) -> Any:
        tasks, rest, found = step_and_updates(values)
        return [scale * loss for loss in [*tasks, rest]], (tasks, found)

    constant = [ops.stop_gradient(value) for value in values]
    if state.every_n_steps > 1:
        before = list(zip(model.non_trainable_variables, other_values, strict=True))
        with keras.StatelessScope(state_mapping=before):
            turns = combined_by_turns_on_jax(
                scaled_losses, constant, variables, state, is_of_rule=is_of_rule
            )
        combined, after, found = turns
    else:
        gradients, (tasks, found) = gradients_of_function(scaled_losses, constant)
    loss, (unscaled, y_pred, others, metrics) = found
    mapping = list(zip(model.non_trainable_variables, others, strict=True))
    with keras.StatelessScope(state_mapping=mapping) as scope:
        if state.every_n_steps > 1:
            state.assign(after)
        else:
            combined = combined_gradients(gradients, variables, state, tasks)
    others = [scope.get_current_value(v) for v in model.non_trainable_variables]
    pairs = [(v, g) for v, g in zip(values, combined, strict=True) if g is not None]
    return with_gradients(loss, *zip(*pairs, strict=True)), (unscaled, y_pred, others, metrics)
