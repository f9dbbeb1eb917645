"""From outputs and labels to one scalar: casting, missing labels, weights, reduction."""

from __future__ import annotations

import numbers
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from keras_multiloss._keras import dtype_name, is_floating, keras_mask, n_replicas, ops
from keras_multiloss._shapes import fit_valid, fit_weights, rank, static_shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Mask = Literal["nan"] | float | None


def map_tensors(function: Callable[[Any], Any], structure: Any) -> Any:
    """A function of each tensor of a structure: dicts stay dicts, lists become tuples.

    Arrays become tensors of their own dtype, and so do lists of numbers.
    """
    if structure is None:
        return None
    if isinstance(structure, dict):
        return {key: map_tensors(function, entry) for key, entry in structure.items()}
    if isinstance(structure, tuple) or _is_list_of_tensors(structure):
        return tuple(map_tensors(function, entry) for entry in structure)
    return function(to_tensor(structure))


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
    """Floating point outputs as float32; a structure of tensors keeps its structure."""
    return map_tensors(lambda x: float32(x) if is_floating(x) else x, outputs)


def float32(values: Any) -> Any:
    """The values of a loss as a float32 tensor."""
    return values if dtype_name(values) == "float32" else ops.cast(values, "float32")


def split_missing(label: Any, mask: Mask) -> tuple[Any, Any]:
    """A label with its missing entries replaced by zero, and which entries are there."""
    if mask is None or not can_hold(dtype_name(label), mask):
        return label, None
    if mask == "nan":
        missing = ops.isnan(label)
    else:
        missing = ops.equal(label, ops.cast(mask, dtype_name(label)))
    return ops.where(missing, ops.zeros_like(label), label), ops.logical_not(missing)


def can_hold(dtype: str, mask: Any) -> bool:
    """Whether a tensor of this dtype can hold the value that marks a missing entry."""
    if "float" in dtype:
        return True
    if "int" not in dtype or mask == "nan" or mask != int(mask):
        return False
    limits = np.iinfo(dtype)
    return bool(limits.min <= mask <= limits.max)


def padding(*tensors: Any) -> list[Any]:
    """Which steps of tensors count, as Keras's masking layers marked them."""
    masks = [keras_mask(tensor) for tensor in tensors]
    return [ops.cast(mask, "bool") for mask in masks if mask is not None]


def padding_of(values: Any, of_outputs: list[Any]) -> list[Any]:
    """The padding that applies to the values of a loss.

    That is what the loss itself marked (`ignore_class`) and what the outputs came with; but a
    loss with one value for a whole sequence handles its steps itself.
    """
    n_axes = rank(values) or 0
    steps = [mask for mask in of_outputs if (rank(mask) or 0) <= n_axes]
    return [*steps, *padding(values)]


def conjunction(where: str, conditions: Iterable[Any], values: Any) -> Any:
    """Which of the values count, given conditions on their entries; `None` if all do."""
    valid = None
    for condition in conditions:
        fitted = fit_valid(where, condition, values)
        valid = fitted if valid is None else ops.logical_and(valid, fitted)
    return valid


def class_weights(where: str, label: Any, values: Any, class_weight: dict[int, float]) -> Any:
    """The weight of each value by the class of its label; classes without one weigh 1.

    A label with an axis that the values lack has a number for each class: the largest counts.
    """
    shape = static_shape(label)
    if shape and len(shape) == (rank(values) or 0) + 1 and shape[-1] != 1:
        label = ops.argmax(float32(label), axis=-1)
    classes = ops.cast(ops.round(label) if is_floating(label) else label, "int32")
    n_classes = max(class_weight) + 1
    table = ops.convert_to_tensor(
        [class_weight.get(number, 1.0) for number in range(n_classes)], dtype="float32"
    )
    known = ops.logical_and(classes >= 0, classes < n_classes)
    weights = ops.take(table, ops.clip(classes, 0, n_classes - 1), axis=0)
    weights = ops.where(known, weights, ops.ones_like(weights))
    return fit_weights(where, weights, values, what="class weights")


def weigh(where: str, values: Any, weights: Iterable[Any], valid: Any = None) -> Any:
    """The values of a loss times their weights; 0 where they are not `valid`."""
    values = float32(to_tensor(values))
    for given in weights:
        values = values * fit_weights(where, float32(to_tensor(given)), values)
    return values if valid is None else ops.where(valid, values, ops.zeros_like(values))


def share_of_row(values: Any, valid: Any) -> Any:
    """One over the number of entries that count in each row of the last axis."""
    counted = ops.ones_like(values) if valid is None else ops.cast(valid, "float32")
    return 1.0 / ops.maximum(ops.sum(counted, axis=-1, keepdims=True), 1.0)


def reduce(
    where: str,
    values: Any,
    reduction: str | None,
    weights: Iterable[Any] = (),
    valid: Any = None,
) -> Any:
    """One float32 scalar from the values of a loss.

    `"sum"` adds `weight * value`; `"mean_with_sample_weight"` divides that by the sum of the
    weights; every other reduction, also `"none"`, divides it by the number of values, as
    Keras does. Values that are not `valid` count nowhere; if none is, the result is 0.

    What a host later divides by the number of replicas is a mean over the global batch; a
    sum is multiplied by it here, as the replicas' sums add up to that of the global batch.
    """
    values = float32(to_tensor(values))
    counted = ops.ones_like(values) if valid is None else ops.cast(valid, "float32")
    if valid is not None:
        values = ops.where(valid, values, ops.zeros_like(values))
    weight = counted
    for given in weights:
        weight = weight * fit_weights(where, float32(to_tensor(given)), values)
    total = ops.sum(values * weight)
    if reduction == "sum":
        return total * n_replicas()
    if rank(values) == 0:
        return total
    if reduction == "mean_with_sample_weight":
        divisor = ops.sum(weight)
        return total / ops.where(divisor == 0, ops.ones_like(divisor), divisor)
    return total / ops.maximum(ops.sum(counted), 1.0)
