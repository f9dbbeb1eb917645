"""Tensors by name that came as one tensor, which their terms may go on using."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from keras_multiloss._platform import ops

if TYPE_CHECKING:
    from collections.abc import Sequence


#: How many entries of a sample tensors may have to be put together: for larger ones, copying them
#: takes longer than the operations that are saved.
MOST_ENTRIES = 4096


def are_small(shape: Sequence[int | None]) -> bool:
    """Whether samples of tensors of a shape have few entries, of which all axes are known."""
    return None not in shape[1:] and math.prod(n or 0 for n in shape[1:]) <= MOST_ENTRIES


class JoinedTensors(NamedTuple):
    """Tensors along the second axis of one.

    Args:
        whole: `(batch, n, ...)`.
        tensors: the n tensors `(batch, ...)` in their order.
    """

    whole: Any
    tensors: list[Any]

    @classmethod
    def of(cls, whole: Any) -> JoinedTensors:
        """A tensor with its parts."""
        return cls(whole, list(ops.unstack(whole, axis=1)))

    def by_part(self, tensors: Sequence[Any]) -> Any:
        """The tensor `(n, batch, ...)` if these are its parts in their order, else `None`."""
        if len(tensors) != len(self.tensors):
            return None
        if not all(a is b for a, b in zip(tensors, self.tensors, strict=True)):
            return None
        return ops.transpose(self.whole, (1, 0, *range(2, len(self.whole.shape))))


class JoinedByName(dict[str, Any]):
    """Tensors by name, some of which came as one.

    Args:
        tensors: by name.
        joined: those that came as one.
    """

    def __init__(self, tensors: dict[str, Any], joined: list[JoinedTensors]) -> None:
        super().__init__(tensors)
        self.joined = joined


def joined_in(*structures: Any) -> tuple[JoinedTensors, ...]:
    """What came as one in any structure."""
    return tuple(one for s in structures for one in getattr(s, "joined", ()))
