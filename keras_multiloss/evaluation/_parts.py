"""The named parts of a loss, brought to one shape, so that what counts of them is one thing."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from keras_multiloss._messages import described, error
from keras_multiloss._platform import ops
from keras_multiloss.evaluation._shapes import rank, static_shape

if TYPE_CHECKING:
    from keras_multiloss.evaluation._evaluated import Evaluated


def check_named_parts(where: str, parts: dict[Any, Any]) -> None:
    """Raise unless a dict that a loss gave has a tensor for each of one name or more."""
    is_named = all(isinstance(name, str) and name for name in parts)
    if parts and is_named and not any(isinstance(v, (dict, list, tuple)) for v in parts.values()):
        return
    received = {k: type(v).__name__ for k, v in parts.items()}
    raise error(
        ValueError if is_named else TypeError,
        where,
        "the loss gave a dict that is not one of parts",
        expected="a tensor for each name of a part, {'classes': ..., 'boxes': ...}",
        received=described(received) if parts else "an empty dict",
    )


def joined(parts: dict[str, Evaluated]) -> Evaluated:
    """The sum of parts, each of which was evaluated by itself.

    Parts that differ in shape become one value per sample first: the mean of what counts of them
    in it. One value for the whole batch goes to every sample.
    """
    first = next(iter(parts.values()))
    shapes = [static_shape(part.values) for part in parts.values()]
    if any(shape is None or shape != shapes[0] for shape in shapes):
        parts = {name: part.by_sample() for name, part in parts.items()}
        counted = _any_of([part.counted for part in parts.values()])
        per_sample = next((p.values for p in parts.values() if rank(p.values)), first.values)
        values = {n: p.weighed_values() + ops.zeros_like(per_sample) for n, p in parts.items()}
    else:
        counted = first.counted
        values = {name: part.values for name, part in parts.items()}
    total = functools.reduce(lambda a, b: a + b, values.values())
    return first._replace(values=total, counted=counted, parts=values)


def _any_of(conditions: list[Any]) -> Any:
    """What counts in one part at least; `None` if all does."""
    if any(condition is None for condition in conditions):
        return None
    return functools.reduce(ops.logical_or, conditions)
