"""Arrays and lists as tensors, and outputs in float32."""

from __future__ import annotations

import numbers
from typing import TYPE_CHECKING, Any

from keras_multiloss._platform import (
    dtype_name,
    is_floating,
    keras_mask,
    ops,
    set_keras_mask,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def map_tensors(function: Callable[[Any], Any], structure: Any) -> Any:
    """A structure with a function applied to each tensor; dicts stay, lists become tuples.

    Arrays become tensors of their own dtype, and so do lists of numbers.
    """
    if structure is None:
        return None
    if isinstance(structure, dict):
        return {key: map_tensors(function, entry) for key, entry in structure.items()}
    if isinstance(structure, tuple) or _is_list_of_tensors(structure):
        return tuple(map_tensors(function, entry) for entry in structure)
    return function(to_tensor(structure))


def as_tensors(structure: Any) -> Any:
    """A structure whose arrays are tensors of their own dtypes."""
    return map_tensors(lambda tensor: tensor, structure)


def tensors_in(structure: Any) -> list[Any]:
    """The tensors of a structure that `map_tensors` made, in its order."""
    if structure is None:
        return []
    if isinstance(structure, dict):
        return [tensor for entry in structure.values() for tensor in tensors_in(entry)]
    if isinstance(structure, tuple):
        return [tensor for entry in structure for tensor in tensors_in(entry)]
    return [structure]


def with_tensors(structure: Any, tensors: list[Any]) -> Any:
    """A structure with other tensors, in the order of `tensors_in`."""
    others = iter(tensors)
    return map_tensors(lambda _: next(others), structure)


def _is_list_of_tensors(structure: Any) -> bool:
    """Whether a list holds anything but numbers, and lists of numbers."""
    return isinstance(structure, list) and any(
        _is_list_of_tensors(x) if isinstance(x, list) else not isinstance(x, numbers.Number)
        for x in structure
    )


def to_tensor(value: Any) -> Any:
    """An array or tensor as a tensor of its own dtype; a tensor is left as it is."""
    return value if ops.is_tensor(value) else ops.convert_to_tensor(value)


def to_float32(outputs: Any) -> Any:
    """Floating point outputs as float32, with their masks; a structure keeps its structure."""
    return map_tensors(lambda x: _masked_float32(x) if is_floating(x) else x, outputs)


def _masked_float32(output: Any) -> Any:
    """An output as float32; casting alone would lose the mask that Keras left on it."""
    in_float32, mask = float32(output), keras_mask(output)
    if mask is not None and in_float32 is not output:
        set_keras_mask(in_float32, mask)
    return in_float32


def float32(values: Any) -> Any:
    """The values of a loss as a float32 tensor."""
    return values if dtype_name(values) == "float32" else ops.cast(values, "float32")
