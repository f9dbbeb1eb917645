"""Which variables several tasks share, and their gradients apart from those of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from keras_multiloss._platform import n_replicas, ops, sum_over_replicas
from keras_multiloss.aggregation import stacked_gradients

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Variables(NamedTuple):
    """What a model trains.

    Args:
        trained: all trainable variables.
        of_no_task: those of them that learn how to weigh the tasks.
    """

    trained: Sequence[Any]
    of_no_task: Sequence[Any]

    def are_shared(self, reached: Sequence[Sequence[bool]]) -> list[bool]:
        """Which variables several tasks share.

        Args:
            reached: for each task and, last, for all that belongs to none, which variables have a
                gradient of it.
        """
        *tasks, _ = reached
        columns = zip(self.trained, zip(*tasks, strict=True), strict=True)
        return [sum(column) > 1 and not self._is_of_no_task(v) for v, column in columns]

    def _is_of_no_task(self, variable: Any) -> bool:
        return any(variable is other for other in self.of_no_task)


def reached_of(gradients: Sequence[Sequence[Any]]) -> list[list[bool]]:
    """Which variables have a gradient, for each list of them."""
    return [[g is not None for g in row] for row in gradients]


def split_gradients(
    gradients: Sequence[Sequence[Any]], is_shared: Sequence[bool]
) -> tuple[list[Any], list[list[Any]]]:
    """The gradients of each shared variable as rows, and for each variable what is added to them.

    Args:
        gradients: for each task and, last, for all that belongs to none, those of each variable;
            `None` where there is none.
        is_shared: which variables the tasks share.
    """
    *tasks, rest = gradients
    blocks, others = [], []
    for column, other, shared in zip(zip(*tasks, strict=True), rest, is_shared, strict=True):
        if shared:
            blocks.append(stacked_gradients(column))
        others.append([g for g in [*(() if shared else column), other] if g is not None])
    return blocks, others


def merged_gradients(
    variables: Sequence[Any],
    is_shared: Sequence[bool],
    joined: Iterable[Any],
    others: Sequence[Sequence[Any]],
) -> list[Any]:
    """One gradient of each variable; `None` where no loss depends on it.

    Args:
        variables: all that are trained.
        is_shared: which of them the tasks share.
        joined: for each shared variable, that of the global batch which a rule made.
        others: for each variable, what is added.
    """
    rows, found = iter(joined), []
    for variable, shared, more in zip(variables, is_shared, others, strict=True):
        summands = [next(rows) / n_replicas(), *more] if shared else [*more]
        found.append(sum_like(variable, summands) if summands else None)
    return found


def sum_like(variable: Any, gradients: Sequence[Any]) -> Any:
    """The sum of gradients, in the shape and dtype of their variable."""
    shape = tuple(variable.shape)
    total = ops.zeros(shape, "float32")
    for gradient in gradients:
        total = total + ops.reshape(ops.cast(gradient, "float32"), shape)
    return ops.cast(total, variable.dtype)


def of_global_batch(losses: Sequence[Any]) -> Any:
    """The losses as numbers, so that a rule keeps no graph alive."""
    return sum_over_replicas(ops.stop_gradient(ops.stack(list(losses))) / n_replicas())
