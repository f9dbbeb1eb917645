"""The named parts of a loss, brought to one shape, so that what counts of them is one thing."""

from __future__ import annotations

import functools
import operator
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
    in it. One value for the whole batch goes to every sample. An entry counts that counts in one
    part at least; in the others it is 0.
    """
    shapes = [static_shape(part.values) for part in parts.values()]
    if any(shape is None or shape != shapes[0] for shape in shapes):
        parts = {name: part.by_sample() for name, part in parts.items()}
    first = next((p for p in parts.values() if rank(p.values)), next(iter(parts.values())))
    spread = ops.zeros_like(first.values)
    values = {name: part.weighed_values() + spread for name, part in parts.items()}
    return first._replace(
        values=functools.reduce(operator.add, values.values()),
        counted=_any_of([part.counted for part in parts.values()]),
        parts=values,
    )


def _any_of(conditions: list[Any]) -> Any:
    """What counts in one part at least; `None` if all does."""
    if any(condition is None for condition in conditions):
        return None
    return functools.reduce(ops.logical_or, conditions)
