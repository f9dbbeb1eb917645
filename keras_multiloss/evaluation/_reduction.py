"""Totals of a batch, what they are divided by, and their means over the global batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from keras_multiloss._platform import n_replicas, ops, sum_over_replicas
from keras_multiloss.evaluation._shapes import rank

if TYPE_CHECKING:
    from collections.abc import Sequence


class Reduced(NamedTuple):
    """A loss of a batch as a total and what it is divided by; for stacked terms, vectors of them.

    Args:
        total: a float32 scalar.
        divisor: a float32 scalar, 0 where nothing counted; `None` for a sum, which is not divided.
        logged: what the batch adds to the total of a mean over batches.
        count: what it adds to the divisor of that mean.
        parts: what the batch adds to the totals of the means of further logs, which have the same
            divisor, by name.
    """

    total: Any
    divisor: Any
    logged: Any
    count: Any
    parts: dict[str, Any] = {}


def one_vector(values: Sequence[Any]) -> Any:
    """Scalars and vectors as one vector, which is empty where there are none."""
    if not values:
        return ops.zeros((0,))
    if len(values) == 1 and rank(values[0]) == 1:
        return values[0]
    if all(rank(value) == 0 for value in values):
        return ops.stack(list(values))
    return ops.concatenate([ops.reshape(value, (-1,)) for value in values], axis=0)


def divisors_of(reduced: Sequence[Reduced]) -> Any:
    """What the totals are divided by to be losses of the global batch, a vector.

    The replicas of `tf.distribute` each have a part of the batch. A mean is that of the whole: its
    divisor is added up over them, all divisors at once. Hosts later divide by the number of
    replicas, whose losses are then added up, so that divisors are divided by it here.
    """
    divisors = one_vector(
        [ops.ones_like(r.total) if r.divisor is None else r.divisor for r in reduced]
    )
    if n_replicas() > 1:
        is_mean = one_vector(
            [ops.full_like(r.total, float(r.divisor is not None)) for r in reduced]
        )
        divisors = ops.where(is_mean > 0, sum_over_replicas(divisors), divisors) / n_replicas()
    return ops.where(divisors == 0, ops.ones_like(divisors), divisors)


def losses_of(reduced: Sequence[Reduced]) -> Any:
    """The losses of the global batch as a vector; 0 where nothing counted."""
    return one_vector([one.total for one in reduced]) / divisors_of(reduced)
