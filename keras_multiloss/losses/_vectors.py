"""Lengths and angles of vectors along the last axis, with finite gradients at length zero."""

from __future__ import annotations

from typing import Any

from keras_multiloss._platform import ops

#: Vectors of a squared length below this are not stretched to length 1.
EPSILON = 1e-12


def unit(vectors: Any, *, axis: Any = -1) -> Any:
    """The vectors at length 1; those of length zero stay, and have finite gradients."""
    squares = ops.sum(ops.square(vectors), axis=axis, keepdims=True)
    return vectors / ops.sqrt(ops.maximum(squares, EPSILON))


def cosines(left: Any, right: Any) -> Any:
    """The cosine of the angle between each pair; 0 where one is of length zero."""
    return ops.sum(unit(left) * unit(right), axis=-1)


def squared_lengths(vectors: Any) -> Any:
    """The squared length of each vector."""
    return ops.sum(ops.square(vectors), axis=-1)


def mean_squares(left: Any, right: Any) -> Any:
    """The mean of the squared differences of each pair."""
    return ops.mean(ops.square(left - right), axis=-1)


def lengths(vectors: Any) -> Any:
    """The length of each vector; its gradient at length zero is 0."""
    squares = squared_lengths(vectors)
    is_zero = ops.equal(squares, 0.0)
    safe = ops.where(is_zero, ops.ones_like(squares), squares)
    return ops.where(is_zero, ops.zeros_like(squares), ops.sqrt(safe))


def dot_products(left: Any, right: Any) -> Any:
    """The dot product of each row of one matrix with each row of another."""
    return ops.matmul(left, ops.transpose(right))


def mean_products(left: Any, right: Any) -> Any:
    """The product of each feature of one matrix with each of another, its mean over the rows."""
    n_rows = ops.maximum(ops.sum(ops.ones_like(left[:, 0])), 1.0)
    return ops.matmul(ops.transpose(left), right) / n_rows


def is_diagonal(matrix: Any) -> Any:
    """Which entries of a square matrix are on its diagonal."""
    places = ops.arange(ops.shape(matrix)[0])
    return ops.equal(ops.expand_dims(places, 0), ops.expand_dims(places, 1))
