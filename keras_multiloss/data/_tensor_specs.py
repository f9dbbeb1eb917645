"""What the tensors of several datasets have to agree on: shape and dtype."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from keras_multiloss._messages import error
from keras_multiloss._platform import dtype_name
from keras_multiloss.evaluation import static_shape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Stands for the number of samples, which differs from batch to batch.
BATCH = "batch"

Axis = int | str | None


class Spec(NamedTuple):
    """The shape of a tensor, as far as it is known, and its dtype."""

    shape: tuple[Axis, ...] | None
    dtype: str

    @property
    def is_full(self) -> bool:
        """Whether a tensor of this shape can be made, once the number of samples is known."""
        return self.shape is not None and None not in self.shape

    def fits(self, other: Spec) -> bool:
        """Whether two specs are equal wherever both are known."""
        if self.dtype != other.dtype or self.shape is None or other.shape is None:
            return self.dtype == other.dtype
        axes = zip(self.shape, other.shape, strict=False)
        same_rank = len(self.shape) == len(other.shape)
        return same_rank and all(a == b or a is None or b is None for a, b in axes)

    def filled_in(self, other: Spec) -> Spec:
        """What this spec and one that fits it tell together."""
        if self.shape is None or other.shape is None:
            return other if self.shape is None else self
        axes = zip(self.shape, other.shape, strict=True)
        return Spec(tuple(b if a is None else a for a, b in axes), self.dtype)

    def __str__(self) -> str:
        axes = "..." if self.shape is None else ", ".join(str(a or "?") for a in self.shape)
        return f"({axes}) {self.dtype}"


def spec_of(tensor: Any, n_samples: int | None) -> Spec:
    """The spec of a tensor of a batch (or of its `tf.TensorSpec`).

    A first axis of the length of the batch, which may be unknown, is the batch axis. An
    element of a dataset that is not batched has none in its labels, or has the same one in
    all of its tensors.
    """
    shape = static_shape(tensor)
    if shape and shape[0] == n_samples:
        return Spec((BATCH, *shape[1:]), dtype_name(tensor))
    return Spec(shape, dtype_name(tensor))


def titled(what: str, name: Any) -> str:
    """How messages call a tensor; one that serves all has no name."""
    return f"the {what}" if name is None else f"{what} {name!r}"


def agreed(where: str, what: str, tasks: Sequence[Mapping[Any, Spec]]) -> dict[Any, Spec]:
    """One spec for each name that any task has; raises if two tasks tell different things."""
    specs: dict[Any, Spec] = {}
    for task in tasks:
        for name, spec in task.items():
            known = specs.setdefault(name, spec)
            if not known.fits(spec):
                raise _disagreement(where, titled(what, name), [t.get(name) for t in tasks])
            specs[name] = known.filled_in(spec)
    return specs


def _disagreement(where: str, what: str, specs: list[Spec | None]) -> ValueError:
    received = [f"{spec} in dataset {i}" for i, spec in enumerate(specs) if spec is not None]
    return error(
        ValueError,
        where,
        f"{what} is not the same in all datasets",
        expected="one shape and one dtype",
        received=", ".join(received),
        hint="cast or reshape it before the datasets are merged",
    )
