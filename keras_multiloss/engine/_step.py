"""One step of a total loss: its tasks, their weights, and their sum."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_multiloss._platform import ops
from keras_multiloss.evaluation import divisors_of, one_vector
from keras_multiloss.spec import part_name, weighted_losses

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from keras_multiloss.engine._term_weight_state import TermWeightState
    from keras_multiloss.spec import Batch, TaskBlock, WeightedSumLoss


@dataclass(frozen=True)
class Step:
    """What a total loss made of one batch, for the tasks that are there.

    A task is a term, or a part of a term that says so.

    Args:
        names: the names of these tasks.
        losses: the unweighted losses, a float32 vector. Under `tf.distribute`, the mean of those of
            all replicas is that of the global batch.
        logged: what the step adds to the total of each task's mean over the batches, a vector.
        counts: what it adds to the divisor of that mean, a vector.
        weights: the weights as they act, a vector.
        penalty: what a weighting adds; `None` without one.
        added: what layers added; `None` if none did.
        parts: for each task, what the step adds to the totals of further logs, by name; their
            means are over what the task counted.
        part_weights: the weights of parts that follow schedules, by their names in the log.
        separate: the losses as scalars, if they were asked for: a gradient of one reaches only what
            it depends on, which is lost in a vector.
    """

    names: list[str]
    losses: Any
    logged: Any
    counts: Any
    weights: Any
    penalty: Any = None
    added: Any = None
    parts: list[dict[str, Any]] = field(default_factory=list)
    part_weights: dict[str, Any] = field(default_factory=dict)
    separate: list[Any] = field(default_factory=list)

    @property
    def total(self) -> Any:
        """The total loss."""
        return ops.sum(weighted_losses(self.losses, self.weights)) + self.rest

    @property
    def rest(self) -> Any:
        """What belongs to no term: penalty and additions."""
        return sum((x for x in (self.penalty, self.added) if x is not None), start=ops.zeros(()))

    def tasks(self, active: Sequence[str]) -> list[Any]:
        """The weighted losses that are the tasks of an aggregator, as scalars.

        Args:
            active: the names of the tasks that can count.
        """
        return [
            weighted_losses(loss, self.weights[i])
            for i, (name, loss) in enumerate(zip(self.names, self.separate, strict=True))
            if name in active
        ]


def take_step(
    loss: WeightedSumLoss,
    batch: Batch,
    state: TermWeightState | None,
    *,
    training: bool,
    added: Iterable[Any] = (),
    separate: bool = False,
) -> Step:
    """Evaluate the tasks on a batch and weigh them; in training, the weights move on.

    Args:
        loss: the sum.
        batch: outputs, labels and sample weights by name.
        state: what changes the weights; `None` where all are constant.
        training: whether this is a training step.
        added: scalars that layers added.
        separate: whether the gradient of each task is asked for.
    """
    moving = {} if state is None else state.known_weights()
    of_parts = {} if state is None else state.weights_of_parts()
    blocks = loss.tasks.blocks(batch, {**moving, **of_parts}, fuse=loss.fuse and not separate)
    order = _OrderOfSum(blocks, loss.task_names)
    reduced = [block.reduced for block in blocks]
    totals, divisors = [one.total for one in reduced], divisors_of(reduced)
    step = Step(
        names=order.names,
        losses=order.of_sum(one_vector(totals) / divisors),
        logged=order.of_sum(one_vector([one.logged for one in reduced])),
        counts=order.of_sum(one_vector([one.count for one in reduced])),
        weights=loss.given_weights.vector(order.names, moving),
        parts=order.parts,
        part_weights={part_name(*key): of_parts[key] for key in loss.moving_parts},
        added=_added_up(added),
        separate=[total / divisors[i] for i, total in enumerate(totals)] if separate else [],
    )
    if state is None:
        return step
    weights, penalty = state.weigh(step.names, step.weights, step.losses, training=training)
    return replace(step, weights=weights, penalty=penalty)


class _OrderOfSum:
    """The tasks of blocks in the order of their sum.

    Args:
        blocks: tasks that were evaluated as one, block by block.
        all_names: the names of all tasks of the sum.
    """

    def __init__(self, blocks: Sequence[TaskBlock], all_names: list[str]) -> None:
        names = [name for block in blocks for name in block.names]
        parts = [parts for block in blocks for parts in block.parts]
        self.places = sorted(range(len(names)), key=lambda i: all_names.index(names[i]))
        self.names = [names[i] for i in self.places]
        self.parts = [parts[i] for i in self.places]

    def of_sum(self, vector: Any) -> Any:
        """A vector in the order of the blocks, in that of the sum."""
        if self.places == sorted(self.places):
            return vector
        return ops.take(vector, np.array(self.places, "int32"), axis=0)


def _added_up(values: Iterable[Any]) -> Any:
    """The sum of what layers added, in float32; `None` if there is nothing."""
    scalars = [ops.sum(ops.cast(value, "float32")) for value in values]
    return sum(scalars[1:], start=scalars[0]) if scalars else None
