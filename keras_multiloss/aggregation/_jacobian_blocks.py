"""A Jacobian in blocks of columns, joined into one matrix only if the rule needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._platform import inner_products, ops, weighted_sum

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from keras_multiloss.aggregation._aggregator import Aggregator, State


def stacked_gradients(gradients: Sequence[Any]) -> Any:
    """The gradients of one tensor in each task as the rows of a float32 block.

    Args:
        gradients: one for each task; `None` stands for 0, in some of them.
    """
    like = next(g for g in gradients if g is not None)
    present = [ops.zeros_like(like) if g is None else g for g in gradients]
    return ops.stack([ops.reshape(ops.cast(g, "float32"), (-1,)) for g in present])


def combine_blocks(
    rule: Aggregator,
    blocks: Sequence[Any],
    state: State,
    losses: Any = None,
    *,
    total: Callable[[Any], Any] = lambda gramian: gramian,
) -> tuple[list[Any], State]:
    """The combined gradient in the same blocks, and the state after the step.

    Args:
        rule: the aggregator.
        blocks: float32, `(T, n)` each.
        state: the state before.
        losses: the losses of the tasks, for a rule that sees them.
        total: from the Gramian of these blocks to that of all, where there are others.
    """
    if rule.needs_jacobian:
        jacobian = ops.concatenate(blocks, axis=1)
        state = rule.advance(jacobian, losses, state)
        sizes = [ops.shape(block)[1] for block in blocks]
        return split_columns(rule.combine(jacobian, state), sizes), state
    weights, state = weights_of_blocks(rule, blocks, state, losses, total=total)
    return [weighted_sum(weights, block) for block in blocks], state


def weights_of_blocks(
    rule: Aggregator,
    blocks: Sequence[Any],
    state: State,
    losses: Any = None,
    *,
    total: Callable[[Any], Any] = lambda gramian: gramian,
) -> tuple[Any, State]:
    """The weights that a rule of the Gramian gives to the rows, and the state after the step."""
    gramian = total(sum(map(inner_products, blocks[1:]), start=inner_products(blocks[0])))
    state = rule.advance(gramian, losses, state)
    return rule.weights(gramian, state), state


def split_columns(columns: Any, sizes: Sequence[Any]) -> list[Any]:
    """What goes along the columns of a matrix, taken apart into blocks of some sizes."""
    parts, start = [], 0
    for size in sizes:
        parts.append(columns[..., start : start + size])
        start = start + size
    return parts
