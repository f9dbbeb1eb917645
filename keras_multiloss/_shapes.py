"""Shapes of labels, outputs and weights: aligned where that is safe, refused otherwise."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import error
from keras_multiloss._keras import ops

Shape = tuple[int | None, ...]


def static_shape(tensor: Any) -> Shape | None:
    """The shape as far as it is known while tracing; `None` if not even the rank is."""
    shape = tensor.shape
    if getattr(shape, "rank", 0) is None:
        return None
    return tuple(d if isinstance(d, int) else None for d in shape)


def rank(tensor: Any) -> int | None:
    """The number of axes, or `None` if it is unknown while tracing."""
    shape = static_shape(tensor)
    return None if shape is None else len(shape)


def fits(shape: Shape, other: Shape) -> bool:
    """Whether two shapes are equal wherever both are known."""
    return len(shape) == len(other) and all(
        a == b or a is None or b is None for a, b in zip(shape, other, strict=True)
    )


def align(label: Any, output: Any) -> tuple[Any, Any]:
    """Give `(batch,)` and `(batch, 1)` one rank, in the way that Keras's own losses do."""
    label_shape, output_shape = static_shape(label), static_shape(output)
    if label_shape is None or output_shape is None:
        return label, output
    if len(output_shape) == len(label_shape) + 1 and output_shape[-1] == 1:
        if len(label_shape) == 1:
            return ops.expand_dims(label, -1), output
        return label, ops.squeeze(output, -1)
    if len(label_shape) == len(output_shape) + 1 and label_shape[-1] == 1:
        if len(output_shape) == 1:
            return label, ops.expand_dims(output, -1)
        return ops.squeeze(label, -1), output
    return label, output


def expand(tensor: Any) -> Any:
    """The tensor with a last axis of one entry."""
    return ops.expand_dims(tensor, -1)


def check_same_shape(where: str, label: Any, output: Any) -> None:
    """Raise unless a label has the shape of its output."""
    label_shape, output_shape = static_shape(label), static_shape(output)
    if label_shape is None or output_shape is None or fits(label_shape, output_shape):
        return
    raise error(
        ValueError,
        where,
        "the label does not have the shape of the output",
        expected=f"a label of shape {output_shape}",
        received=f"shape {label_shape}",
        hint="a sparse label (one class number a sample) needs a sparse loss"
        if len(label_shape) < len(output_shape)
        else None,
    )


def fit_weights(where: str, weights: Any, values: Any) -> Any:
    """Sample weights that multiply per-sample values without broadcasting by accident."""
    wanted, given = static_shape(values), static_shape(weights)
    if wanted is None or given is None:
        return weights
    fitted = given
    while len(fitted) > len(wanted) and fitted[-1] == 1:
        weights, fitted = ops.squeeze(weights, -1), fitted[:-1]
    while len(fitted) < len(wanted):
        weights, fitted = ops.expand_dims(weights, -1), (*fitted, 1)
    axes = zip(fitted, wanted, strict=False)
    known = [(w, v) for i, (w, v) in enumerate(axes) if not (i and w == 1) and None not in (w, v)]
    if not wanted or len(fitted) != len(wanted) or any(w != v for w, v in known):
        raise error(
            ValueError,
            where,
            "the sample weights do not fit the values of the loss",
            expected=f"one weight for each entry of shape {wanted}, or one for each sample"
            if wanted
            else "no sample weights, as the loss gives one value for the whole batch",
            received=f"sample weights of shape {given}",
            hint=None if wanted else "return one value a sample from the loss",
        )
    return weights


def fit_valid(where: str, valid: Any, values: Any) -> Any:
    """A boolean of the shape of the values: which of them count.

    Where a value stands for several entries of a label, it counts if all of them are there.
    """
    n_valid, n_values = rank(valid), rank(values)
    if n_valid is None or n_values is None:
        return valid
    if n_values == 0:
        raise error(
            ValueError,
            where,
            "missing labels cannot be left out",
            expected="a loss that gives one value a sample",
            received="a loss that gives one value for the whole batch",
            hint="return one value a sample, or drop `mask`",
        )
    if n_valid > n_values:
        valid = ops.all(valid, axis=tuple(range(n_values, n_valid)))
    for _ in range(n_values - n_valid):
        valid = ops.expand_dims(valid, -1)
    return ops.logical_and(valid, ops.ones_like(values, dtype="bool"))
