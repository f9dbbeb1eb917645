"""Weights by the class that a label names."""

from __future__ import annotations

from typing import Any

from keras_multiloss._platform import is_floating, ops
from keras_multiloss.evaluation._casting import float32
from keras_multiloss.evaluation._shapes import fit_weights, rank, static_shape


def class_weights(where: str, label: Any, values: Any, class_weight: dict[int, float]) -> Any:
    """The weight of each value of a loss by the class of its label; other classes weigh 1.

    A label with an axis that the values lack has one number for each class: the largest counts.
    """
    shape = static_shape(label)
    if shape and len(shape) == (rank(values) or 0) + 1 and shape[-1] != 1:
        label = ops.argmax(float32(label), axis=-1)
    classes = ops.cast(ops.round(label) if is_floating(label) else label, "int32")
    n_classes = max(class_weight) + 1
    table = ops.convert_to_tensor(
        [class_weight.get(number, 1.0) for number in range(n_classes)], dtype="float32"
    )
    is_known = ops.logical_and(classes >= 0, classes < n_classes)
    weights = ops.take(table, ops.clip(classes, 0, n_classes - 1), axis=0)
    weights = ops.where(is_known, weights, ops.ones_like(weights))
    return fit_weights(where, weights, values, what="class weights")
