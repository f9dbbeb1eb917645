"""What a batch `(x, y)` or `(x, y, sample_weight)` is made of."""

from __future__ import annotations

from typing import Any

from keras_multiloss._messages import error
from keras_multiloss.spec import Key, by_name

#: Sample weights by name; one that serves every term has the name `None`.
Weights = dict[Any, Any]


def parts_of_batch(where: str, batch: Any) -> tuple[Any, Any, Any]:
    """The inputs, labels and sample weights of a batch; raises if there are no labels."""
    is_tuple = isinstance(batch, (tuple, list))
    if is_tuple and len(batch) in {2, 3} and batch[1] is not None:
        x, y, sample_weight = (*batch, None)[:3]
        return x, y, sample_weight
    raise error(
        ValueError,
        where,
        "the data does not come with labels",
        expected="(x, y) or (x, y, sample_weight)",
        received=describe(batch),
        hint="a dict is what label-input models take already" if isinstance(batch, dict) else None,
    )


def batch_of_parts(x: Any, y: Any, sample_weights: Weights) -> tuple[Any, ...]:
    """A batch; the opposite of `parts_of_batch` and `weights_by_name`."""
    if not sample_weights:
        return x, y
    return x, y, sample_weights.get(None, sample_weights)


def entries_by_name(where: str, structure: dict[Any, Any]) -> dict[Key, Any]:
    """A flat dict of a nested one, also of entries that are `None` (for optional inputs)."""
    absent: dict[Key, Any] = {key: None for key, value in structure.items() if value is None}
    return {**by_name(structure, where=where), **absent}


def weights_by_name(where: str, sample_weight: Any) -> Weights:
    """Sample weights by name, from one tensor or a dict; raises for a list."""
    if sample_weight is None:
        return {}
    if isinstance(sample_weight, dict):
        return entries_by_name(where, sample_weight)
    if isinstance(sample_weight, (list, tuple)):
        raise error(
            TypeError,
            where,
            "the sample weights have no names",
            expected="one array, or a dict of arrays by name",
            received=describe(sample_weight),
        )
    return {None: sample_weight}


def describe(structure: Any) -> str:
    """A few words about a structure of tensors, for messages."""
    if isinstance(structure, dict):
        return f"a dict with the keys {list(structure)}"
    if isinstance(structure, (tuple, list)):
        kinds = ", ".join("None" if e is None else type(e).__name__ for e in structure)
        return f"a {type(structure).__name__} ({kinds})"
    if hasattr(structure, "shape"):
        return f"one tensor of shape {tuple(structure.shape)}"
    return f"{structure!r} of type {type(structure).__name__}"
