"""Shapes of labels, outputs and weights: aligned where that is safe, refused otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._messages import error
from keras_multiloss._platform import ops, with_axes

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def align_labels(labels: Sequence[Any], outputs: Sequence[Any]) -> list[Any]:
    """Make `(batch,)` labels `(batch, 1)`, or the reverse, where their outputs are of that shape.

    The outputs of a label are the one in its place, where there are as many, or else all. Without
    it, `label - output` in a joint loss would hold all differences in the batch.
    """
    if len(labels) == len(outputs):
        return [_as_its_output(*pair) for pair in zip(labels, outputs, strict=True)]
    if all(map(_is_column, outputs)) or all(rank(output) == 1 for output in outputs):
        return [_as_its_output(label, outputs[0]) for label in labels]
    return list(labels)


def _as_its_output(label: Any, output: Any) -> Any:
    """A label as a column where the output is one, and as a row of numbers where it is that."""
    if _is_column(output) and rank(label) == 1:
        return expand(label)
    return ops.squeeze(label, -1) if rank(output) == 1 and _is_column(label) else label


def _is_column(tensor: Any) -> bool:
    return rank(tensor) == 2 and tensor.shape[1] == 1


def expand(tensor: Any) -> Any:
    """The tensor with a last axis of one entry."""
    return ops.expand_dims(tensor, -1)


def same_shape(where: str, label: Any, output: Any) -> Any:
    """A label in the shape of its output; raises if that can be known not to fit."""
    check_same_shape(where, label, output)
    return _in_shape_of(output, rank(output), label)


def sparse_label(where: str, label: Any, output: Any) -> Any:
    """A label with one class number for each distribution along the output's last axis."""
    label_shape, output_shape = static_shape(label), static_shape(output)
    if output_shape is None:
        return label
    wanted = output_shape[:-1]
    if label_shape is not None and len(label_shape) == len(output_shape) and label_shape[-1] == 1:
        label, label_shape = ops.squeeze(label, -1), label_shape[:-1]
    if label_shape is not None and not fits(label_shape, wanted):
        raise error(
            ValueError,
            where,
            "the label does not fit the output",
            expected=f"a class number for each distribution, a label of shape {wanted}",
            received=f"shape {label_shape}",
            hint="a label of one number per class needs a categorical loss"
            if label_shape == output_shape
            else None,
        )
    return _in_shape_of(output, len(wanted), label)


def _in_shape_of(output: Any, n_axes: int | None, label: Any) -> Any:
    """The label in the shape of the first axes of an output.

    Where tracing knows too little to check the shapes, what does not fit raises when the
    graph runs, and does not broadcast.
    """
    label_shape, output_shape = static_shape(label), static_shape(output)
    if n_axes is None or output_shape is None:
        return label
    if label_shape is not None and None not in (*label_shape[1:], *output_shape[1:n_axes]):
        return label
    return ops.reshape(label, ops.shape(output)[:n_axes])


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
        hint="a sparse label (one class number per sample) needs a sparse loss"
        if len(label_shape) < len(output_shape)
        else None,
    )


def weighs_entries(weights: Any, output: Any) -> bool:
    """Whether there may be a weight for each entry of an output, and not only for each sample."""
    if weights is None or not hasattr(output, "shape"):
        return False
    n_weights, n_output = rank(weights), rank(output)
    return n_weights is None or (n_weights == n_output and n_weights > 1)


def fit_weights(where: str, weights: Any, values: Any, *, what: str = "sample weights") -> Any:
    """Weights that multiply the values of a loss without broadcasting by accident.

    A scalar serves all values. Weights of unknown rank get the axes that they lack when the graph
    runs.
    """
    wanted, given = static_shape(values), static_shape(weights)
    if wanted is None or given == ():
        return weights
    if given is None:
        return with_axes(weights, len(wanted))
    fitted = given
    while len(fitted) > len(wanted) and fitted[-1] == 1:
        weights, fitted = ops.squeeze(weights, -1), fitted[:-1]
    while len(fitted) < len(wanted):
        weights, fitted = expand(weights), (*fitted, 1)
    if not wanted or not _spreads(fitted, wanted):
        raise error(
            ValueError,
            where,
            f"the {what} do not fit the values of the loss",
            expected=f"one weight for each entry of shape {wanted}, or one for each sample"
            if wanted
            else f"no {what}, as the loss gives one value for the whole batch",
            received=f"{what} of shape {given}",
            hint=None
            if wanted
            else "give weights to the other terms by name, sample_weight={'output': ...}; a loss "
            "of your own may return one value per sample",
        )
    return weights


def _spreads(shape: Shape, values: Shape) -> bool:
    """Whether a shape spreads over the axes of the values, the batch left aside."""
    if len(shape) != len(values):
        return False
    spread = (v if s == 1 else s for s, v in zip(shape[1:], values[1:], strict=True))
    return fits((shape[0], *spread), values)


def fit_valid(where: str, valid: Any, values: Any) -> Any:
    """A boolean of the shape of the values: which of them count.

    Where a value stands for several entries of a label, it counts if all of them are there.
    """
    n_valid, wanted = rank(valid), static_shape(values)
    if wanted and n_valid:
        valid = all_in(valid, len(wanted))
        for _ in range(len(wanted) - n_valid):
            valid = expand(valid)
        if _spreads(static_shape(valid) or (), wanted):
            return ops.logical_and(valid, ops.ones_like(values, dtype="bool"))
    raise error(
        ValueError,
        where,
        "missing labels cannot be left out",
        expected="a loss that gives one value per sample, for labels of known rank",
        received="one value for the whole batch"
        if wanted == ()
        else f"values of shape {wanted} for labels of shape {static_shape(valid)}",
        hint="return one value per sample, or drop `mask`",
    )


def all_in(valid: Any, n_axes: int) -> Any:
    """Whether all entries are there, for each entry of the first axes."""
    n_valid = rank(valid) or 0
    return ops.all(valid, axis=tuple(range(n_axes, n_valid))) if n_valid > n_axes else valid
