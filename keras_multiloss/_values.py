"""From outputs and labels to one scalar: casting, missing labels, weights, reduction."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from keras_multiloss._keras import dtype_name, is_floating, keras_mask, ops
from keras_multiloss._shapes import fit_valid, fit_weights, rank, static_shape

Mask = Literal["nan"] | float | None


def to_float32(outputs: Any) -> Any:
    """Floating point outputs as float32; a structure of tensors keeps its structure."""
    if isinstance(outputs, dict):
        return {key: to_float32(value) for key, value in outputs.items()}
    if isinstance(outputs, (list, tuple)):
        return tuple(to_float32(value) for value in outputs)
    if outputs is None:
        return None
    outputs = to_tensor(outputs)
    if not is_floating(outputs) or dtype_name(outputs) == "float32":
        return outputs
    return ops.cast(outputs, "float32")


def to_tensor(value: Any) -> Any:
    """An array or tensor as a tensor of its own dtype; a tensor is left as it is."""
    return value if ops.is_tensor(value) else ops.convert_to_tensor(value)


def float32(values: Any) -> Any:
    """The values of a loss as a float32 tensor."""
    return ops.cast(values, "float32")


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


def output_mask(output: Any) -> Any:
    """Which entries of an output count, from Keras's masking layers; `None` without one."""
    mask = keras_mask(output)
    return None if mask is None else ops.cast(mask, "bool")


def both(valid: Any, other: Any) -> Any:
    """The conjunction of two conditions, either of which may be `None` (always true)."""
    if valid is None or other is None:
        return other if valid is None else valid
    n_valid, n_other = rank(valid) or 0, rank(other) or 0
    for _ in range(n_other - n_valid):
        valid = ops.expand_dims(valid, -1)
    for _ in range(n_valid - n_other):
        other = ops.expand_dims(other, -1)
    return ops.logical_and(valid, other)


def class_weights(label: Any, values: Any, class_weight: dict[int, float]) -> Any:
    """The weight of each value by the class of its label; classes without one weigh 1."""
    shape = static_shape(label)
    if shape and len(shape) == (rank(values) or 0) + 1 and shape[-1] != 1:
        label = ops.argmax(label, axis=-1)
    classes = ops.cast(ops.round(label) if is_floating(label) else label, "int32")
    n_classes = max(class_weight) + 1
    table = ops.convert_to_tensor(
        [float(class_weight.get(i, 1.0)) for i in range(n_classes)], dtype="float32"
    )
    known = ops.logical_and(classes >= 0, classes < n_classes)
    weights = ops.take(table, ops.clip(classes, 0, n_classes - 1), axis=0)
    return ops.where(known, weights, ops.ones_like(weights))


def mean_of_last_axis(values: Any, valid: Any) -> tuple[Any, Any]:
    """The mean over the entries of each sample that are there, and whether any is."""
    if valid is None:
        return ops.mean(values, axis=-1), None
    counts = ops.sum(ops.cast(valid, "float32"), axis=-1)
    sums = ops.sum(ops.where(valid, values, ops.zeros_like(values)), axis=-1)
    return sums / ops.maximum(counts, 1.0), counts > 0


def reduce(
    where: str, values: Any, reduction: str | None, sample_weight: Any = None, valid: Any = None
) -> Any:
    """One float32 scalar from the values of a loss.

    `"sum"` adds `weight * value`; `"mean_with_sample_weight"` divides that by the sum of the
    weights; every other reduction, also `"none"`, divides it by the number of values, as
    Keras does. Values that are not `valid` count nowhere; if none is, the result is 0.
    """
    values = float32(values)
    if sample_weight is not None:
        weights = fit_weights(where, ops.cast(sample_weight, "float32"), values)
    else:
        weights = ops.ones_like(values)
    if valid is not None:
        valid = fit_valid(where, valid, values)
        values = ops.where(valid, values, ops.zeros_like(values))
        weights = ops.where(valid, weights, ops.zeros_like(values))
    total = ops.sum(values * weights)
    if reduction == "sum" or rank(values) == 0:
        return total
    if reduction == "mean_with_sample_weight":
        weight = ops.sum(weights * ops.ones_like(values))
        return total / ops.where(weight == 0, ops.ones_like(weight), weight)
    counted = ops.ones_like(values) if valid is None else ops.cast(valid, "float32")
    return total / ops.maximum(ops.sum(counted), 1.0)
