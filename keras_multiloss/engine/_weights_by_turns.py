"""Balancing with weights of the tasks that are computed at some steps, and kept in between.

Where it is the turn of the rule, a step takes the gradient of each task, as every step of exact
mode does. The others take that of the weighted sum of the tasks for the variables that they
share, and that of the plain sum for all other variables, which goes back no further than these.

Compilers do not optimise across a branch, and some run convolutions in one slowly. So a compiled
step takes one pass outside of it: that of the weighted sum, or of the first task.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_multiloss._platform import (
    backend,
    either,
    gradient_of_weighted_sum,
    gradients_of,
    n_replicas,
    ops,
    reached_by,
    sum_over_replicas,
)
from keras_multiloss.engine._shared_variables import (
    merged_gradients,
    of_global_batch,
    reached_of,
    split_gradients,
    sum_like,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from keras_multiloss.engine._aggregator_state import AggregatorState
    from keras_multiloss.engine._shared_variables import Variables

    #: The gradients of shared variables as rows, of each task or of their sum; and the others.
    Parts = tuple[list[Any], list[list[Any]]]

    #: The gradients of the variables that have one, and the state after the step.
    Moved = tuple[list[Any], dict[str, Any]]


class Turns:
    """What a step does with gradients, whichever way it goes.

    Args:
        variables: what is trained.
        state: the aggregator with its state.
        n_tasks: the number of tasks.
        reached: for each task and, last, for all that belongs to none, which variables have a
            gradient of it; empty until that is known.
    """

    def __init__(
        self,
        variables: Variables,
        state: AggregatorState,
        n_tasks: int,
        reached: Sequence[Sequence[bool]] = (),
    ) -> None:
        state.check_tasks(n_tasks)
        self.variables = variables
        self.state = state
        self.n_tasks = n_tasks
        self.reached = reached
        self.before = state.values()

    @property
    def is_of_rule(self) -> Any:
        """Whether it is the turn of the rule."""
        return ops.equal(self.before["steps_left"], 0)

    @property
    def weights(self) -> Any:
        """Those that were kept, and that of what belongs to no task."""
        return ops.concatenate([self.before["kept_weights"], ops.ones((1,))], axis=0)

    @property
    def leading(self) -> Any:
        """The weights of the pass that each step takes: those above, or the first task alone."""
        first = np.eye(self.n_tasks + 1, dtype="float32")[0]
        return ops.where(self.is_of_rule, ops.convert_to_tensor(first), self.weights)

    @property
    def is_shared(self) -> list[bool]:
        """Which variables several tasks share."""
        return self.variables.are_shared(self.reached)

    def chosen(self, each: Sequence[Any], *, shared: bool) -> list[Any]:
        """Of a list with one entry for each variable, those that are shared, or the others."""
        return [x for x, kept in zip(each, self.is_shared, strict=True) if kept == shared]

    def of_tasks(self, gradients: Sequence[Sequence[Any]]) -> Parts:
        """The parts of the gradients of each task and of what belongs to none."""
        self.reached = reached_of(gradients)
        return split_gradients(gradients, self.is_shared)

    def after_leading(
        self, gradients: Sequence[Sequence[Any]], leading: Sequence[Any], plain: Sequence[Any]
    ) -> Parts:
        """As `of_tasks`, with what was computed before in place of what need not be.

        Args:
            gradients: of each task and of what belongs to none.
            leading: those of the first task, once more.
            plain: those of the plain sum.
        """
        self.reached = reached_of(gradients)
        first = [
            None if g is None else known for g, known in zip(gradients[0], leading, strict=True)
        ]
        rows, others = split_gradients([first, *gradients[1:]], self.is_shared)
        sums = zip(others, plain, self.is_shared, strict=True)
        return rows, [found if shared or not found else [known] for found, known, shared in sums]

    def of_sums(self, weighted: Sequence[Any], plain: Sequence[Any]) -> Parts:
        """The parts of two sums: of the weighted one for shared variables, and of the plain one."""
        rest = iter(plain)
        others = [None if shared else next(rest) for shared in self.is_shared]
        rows = [ops.reshape(ops.cast(g, "float32"), (1, -1)) for g in weighted]
        return rows, [[] if g is None else [g] for g in others]

    def renewed(self, parts: Parts, losses: Any) -> Moved:
        """What the rule makes of the gradients of the tasks; its weights are kept."""
        rows, others = parts
        sizes = [int(np.prod(v.shape)) for v in self.variables.trained]
        joined, after = self.state.renewed(self.before, rows, sizes, self.is_shared, losses)
        return self._merged(joined, others), after

    def reused(self, parts: Parts) -> Moved:
        """What the weights make of the tasks that were kept."""
        rows, others = parts
        return self._merged([row[0] for row in rows], others), self.state.reused(self.before)

    def _merged(self, joined: list[Any], others: list[list[Any]]) -> list[Any]:
        found = merged_gradients(self.variables.trained, self.is_shared, joined, others)
        return [g for g in found if g is not None]

    def by_variable(self, gradients: Sequence[Any]) -> list[Any]:
        """The gradient of each variable, `None` where it has none."""
        rest = iter(gradients)
        return [next(rest) if any(column) else None for column in zip(*self.reached, strict=True)]


def combined_by_turns(
    losses: list[Any],
    variables: Variables,
    state: AggregatorState,
    tasks: Sequence[Any],
    tape: Any,
) -> list[Any]:
    """One gradient of each variable; the state moves on (TensorFlow and PyTorch).

    Args:
        losses: those of the tasks and, last, what belongs to none, scaled.
        variables: what is trained.
        state: the aggregator with its state.
        tasks: the losses of the tasks as they are.
        tape: what recorded the step.
    """
    turns = Turns(variables, state, len(tasks))

    ways = _ways_on_torch if backend() == "torch" else _ways_on_tensorflow
    by_task, by_sum = ways(turns, losses, tape)
    numbers = of_global_batch(tasks)
    over = _on_replicas if n_replicas() > 1 else _on_one_device
    gradients, after = over(turns, by_task, by_sum, numbers)
    state.assign(after)
    return turns.by_variable(gradients)


def _ways_on_torch(
    turns: Turns, losses: list[Any], tape: Any
) -> tuple[Callable[[], Parts], Callable[[], Parts]]:
    trained = turns.variables.trained

    def by_task() -> Parts:
        return turns.of_tasks(gradients_of(losses, trained, tape))

    def by_sum() -> Parts:
        turns.reached = reached_by(losses, trained, tape)
        shared, others = (turns.chosen(trained, shared=kind) for kind in (True, False))
        ones = ops.ones((len(losses),))
        plain = gradient_of_weighted_sum(losses, ones, others, tape, keep=bool(shared))
        weighted = gradient_of_weighted_sum(losses, turns.weights, shared, tape, keep=False)
        return turns.of_sums(weighted, plain)

    return by_task, by_sum


def _ways_on_tensorflow(
    turns: Turns, losses: list[Any], tape: Any
) -> tuple[Callable[[], Parts], Callable[[], Parts]]:
    # Both are taken for all variables; a program leaves out what is not used.
    trained = turns.variables.trained
    leading, plain = (
        gradient_of_weighted_sum(losses, weights, trained, tape, keep=True)
        for weights in (turns.leading, ops.ones((len(losses),)))
    )

    def by_task() -> Parts:
        return turns.after_leading(gradients_of(losses, trained, tape), leading, plain)

    def by_sum() -> Parts:
        # A step that is compiled was traced the other way before.
        turns.reached = turns.reached or reached_by(losses, trained, tape)
        weighted = turns.chosen(leading, shared=True)
        return turns.of_sums(weighted, turns.chosen(plain, shared=False))

    return by_task, by_sum


def _on_one_device(
    turns: Turns, by_task: Callable[[], Parts], by_sum: Callable[[], Parts], losses: Any
) -> Moved:
    return either(
        turns.is_of_rule,
        lambda: turns.renewed(by_task(), losses),
        lambda: turns.reused(by_sum()),
    )


def _on_replicas(
    turns: Turns, by_task: Callable[[], Parts], by_sum: Callable[[], Parts], losses: Any
) -> Moved:
    """Replicas add up their rows between two branches: within one, they cannot wait."""

    def complete(parts: Parts) -> Parts:
        """With as many tensors, whichever way a step goes."""
        rows, others = parts
        columns = zip(
            turns.variables.trained, others, zip(*turns.reached, strict=True), strict=True
        )
        return rows, [[sum_like(v, found)] if any(column) else [] for v, found, column in columns]

    rows, others = either(turns.is_of_rule, lambda: complete(by_task()), lambda: complete(by_sum()))
    rows = [sum_over_replicas(row) for row in rows]

    def parts(n_rows: int) -> Parts:
        return [ops.reshape(row, (n_rows, row.shape[1])) for row in rows], others

    return either(
        turns.is_of_rule,
        lambda: turns.renewed(parts(turns.n_tasks), losses),
        lambda: turns.reused(parts(1)),
    )
