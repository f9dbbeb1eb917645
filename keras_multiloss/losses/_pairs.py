"""The pairs of samples in a batch: of one class, or of two."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from keras_multiloss._messages import error
from keras_multiloss._platform import dtype_name, ops
from keras_multiloss.evaluation import Shape, fits, static_shape
from keras_multiloss.losses._vectors import is_diagonal

if TYPE_CHECKING:
    from collections.abc import Callable


def same_class(labels: Any, matrix: Any) -> Any:
    """Which pairs of the samples of a `(batch, batch)` matrix are of one class.

    Each sample makes a pair with itself, too.
    """
    # Raises if there are not as many labels as samples, also where tracing cannot know it.
    labels = ops.reshape(labels, (ops.shape(matrix)[0], 1))
    return ops.equal(labels, ops.transpose(labels))


def positive_and_negative_pairs(labels: Any, matrix: Any) -> tuple[Any, Any]:
    """Which pairs of two samples are of one class, and which are of two classes."""
    same = same_class(labels, matrix)
    return ops.logical_and(same, ops.logical_not(is_diagonal(matrix))), ops.logical_not(same)


def mean_where(is_counted: Any, values: Any) -> Any:
    """The mean of the values that count; 0 if none does."""
    total = ops.sum(ops.where(is_counted, values, ops.zeros_like(values)))
    n_counted = ops.sum(ops.cast(is_counted, dtype_name(values)))
    return total / ops.maximum(n_counted, 1.0)


def mean_over_pairs(values: Any) -> Any:
    """The mean of one value per sample; 0 if there are no samples."""
    return ops.sum(values) / ops.maximum(ops.sum(ops.ones_like(values)), 1.0)


def row_max(matrix: Any) -> Any:
    """The greatest entry of each row, also of a matrix without rows."""
    return _of_rows(ops.max, matrix, -math.inf)


def row_min(matrix: Any) -> Any:
    """The least entry of each row, also of a matrix without rows."""
    return _of_rows(ops.min, matrix, math.inf)


def place_of_max(matrix: Any) -> Any:
    """The column of the greatest entry of each row, also of a matrix without rows."""
    return _of_rows(ops.argmax, matrix, -math.inf)


def place_of_min(matrix: Any) -> Any:
    """The column of the least entry of each row, also of a matrix without rows."""
    return _of_rows(ops.argmin, matrix, math.inf)


def _of_rows(reduce: Callable[..., Any], matrix: Any, bound: float) -> Any:
    if matrix.shape[0]:
        return reduce(matrix, axis=1)
    # The backends refuse to reduce no entries, so there is a row of bounds where there are none, or
    # where tracing does not know how many.
    padded = ops.pad(matrix, [[0, 1], [0, 1]], constant_values=bound)
    return reduce(padded, axis=1)[:-1]


def check_matrix(where: str, what: str, shape: Shape, matrix: Any) -> None:
    """Raise unless a tensor is a matrix, as far as tracing knows."""
    received = static_shape(matrix)
    if received is None or fits(received, shape):
        return
    raise error(
        ValueError,
        where,
        f"the output is not a matrix of {what}",
        expected=f"shape {shape}, the batch first",
        received=f"shape {received}",
    )
