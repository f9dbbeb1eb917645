"""One step of a total loss: its tasks, their weights, and their sum."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from keras_multiloss._platform import ops
from keras_multiloss.evaluation import divisors_of
from keras_multiloss.spec import part_name, weighted_losses

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from keras_multiloss.engine._term_weight_state import TermWeightState
    from keras_multiloss.spec import Batch, WeightedSumLoss


@dataclass(frozen=True)
class Step:
    """What a total loss made of one batch, for the tasks that are there.

    A task is a term, or a part of a term that says so.

    Args:
        names: the names of these tasks.
        totals: their totals, one float32 scalar each: a gradient of one reaches only what it
            depends on, which would be lost in a vector.
        divisors: what the totals are divided by to be losses, a float32 vector.
        logged: what the step adds to the total of each task's mean over the batches, a vector.
        counts: what it adds to the divisor of that mean, a vector.
        weights: the weights as they act, a vector.
        penalty: what a weighting adds; `None` without one.
        added: what layers added; `None` if none did.
        parts: for each task, what the step adds to the totals of further logs, by name; their
            means are over what the task counted.
        part_weights: the weights of parts that follow schedules, by their names in the log.
    """

    names: list[str]
    totals: list[Any]
    divisors: Any
    logged: Any
    counts: Any
    weights: Any
    penalty: Any = None
    added: Any = None
    parts: list[dict[str, Any]] = field(default_factory=list)
    part_weights: dict[str, Any] = field(default_factory=dict)

    @property
    def losses(self) -> Any:
        """The unweighted losses, a vector.

        Under `tf.distribute`, the mean of those of all replicas is that of the global batch.
        """
        return ops.stack(self.totals) / self.divisors if self.totals else self.divisors

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
            weighted_losses(total / self.divisors[i], self.weights[i])
            for i, (name, total) in enumerate(zip(self.names, self.totals, strict=True))
            if name in active
        ]


def take_step(
    loss: WeightedSumLoss,
    batch: Batch,
    state: TermWeightState | None,
    *,
    training: bool,
    added: Iterable[Any] = (),
) -> Step:
    """Evaluate the tasks on a batch and weigh them; in training, the weights move on.

    Args:
        loss: the sum.
        batch: outputs, labels and sample weights by name.
        state: what changes the weights; `None` where all are constant.
        training: whether this is a training step.
        added: scalars that layers added.
    """
    moving = {} if state is None else state.known_weights()
    of_parts = {} if state is None else state.weights_of_parts()
    reduced = loss.tasks.reduced(batch, {**moving, **of_parts})
    names = list(reduced)
    step = Step(
        names=names,
        totals=[one.total for one in reduced.values()],
        divisors=divisors_of(list(reduced.values())) if reduced else ops.zeros((0,)),
        logged=_as_vector([one.logged for one in reduced.values()]),
        counts=_as_vector([one.count for one in reduced.values()]),
        weights=loss.given_weights.vector(names, moving),
        parts=[one.parts for one in reduced.values()],
        part_weights={part_name(*key): of_parts[key] for key in loss.moving_parts},
        added=_added_up(added),
    )
    if state is None:
        return step
    weights, penalty = state.weigh(names, step.weights, step.losses, training=training)
    return replace(step, weights=weights, penalty=penalty)


def _as_vector(scalars: list[Any]) -> Any:
    return ops.stack(scalars) if scalars else ops.zeros((0,))


def _added_up(values: Iterable[Any]) -> Any:
    """The sum of what layers added, in float32; `None` if there is nothing."""
    scalars = [ops.sum(ops.cast(value, "float32")) for value in values]
    return sum(scalars[1:], start=scalars[0]) if scalars else None
