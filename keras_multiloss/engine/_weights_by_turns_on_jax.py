"""Balancing with weights that are kept between turns, in the functional programs of JAX."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._platform import either, gradients_of_weighted_sums, ops, traced_gradients
from keras_multiloss.engine._shared_variables import of_global_batch
from keras_multiloss.engine._weights_by_turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from keras_multiloss.engine._aggregator_state import AggregatorState
    from keras_multiloss.engine._shared_variables import Variables
    from keras_multiloss.engine._weights_by_turns import Moved


def combined_by_turns_on_jax(
    losses: Callable[[Any], tuple[list[Any], Any]],
    values: Sequence[Any],
    variables: Variables,
    state: AggregatorState,
    *,
    is_of_rule: bool | None,
) -> tuple[list[Any], dict[str, Any], Any]:
    """One gradient of each variable, the state after the step, and what else the step gives.

    Args:
        losses: from values of the trainable variables to the losses of the tasks and, last, what
            belongs to none, scaled; and to the losses of the tasks as they are, and all else.
        values: those of the variables.
        variables: what is trained.
        state: the aggregator with its state, in a scope that has its values.
        is_of_rule: whether it is the turn of the rule; `None` where only the step can tell.
    """
    reached, computed = traced_gradients(losses, values)
    turns = Turns(variables, state, len(reached) - 1, reached)
    columns = list(zip(*reached, strict=True))

    def of_sums(first: Any) -> tuple[list[list[Any]], Any]:
        """The gradients of a weighted sum and of the plain one, and the rest."""
        weightings = [first, ops.ones((len(reached),))]
        sums, rest = gradients_of_weighted_sums(losses, weightings, values)
        pairs = [zip(gradients, columns, strict=True) for gradients in sums]
        return [[g if any(column) else None for g, column in pair] for pair in pairs], rest

    def by_sum(weighted: Sequence[Any], plain: Sequence[Any]) -> Moved:
        weighted = turns.chosen(weighted, shared=True)
        return turns.reused(turns.of_sums(weighted, turns.chosen(plain, shared=False)))

    if is_of_rule is None:
        (leading, plain), (tasks, found) = of_sums(turns.leading)

        def by_task() -> Moved:
            parts = turns.after_leading(computed()[0], leading, plain)
            return turns.renewed(parts, of_global_batch(tasks))

        gradients, after = either(turns.is_of_rule, by_task, lambda: by_sum(leading, plain))
    elif is_of_rule:
        of_each, (tasks, found) = computed()
        gradients, after = turns.renewed(turns.of_tasks(of_each), of_global_batch(tasks))
    else:
        sums, (tasks, found) = of_sums(turns.weights)
        gradients, after = by_sum(*sums)
    return turns.by_variable(gradients), after, found
