r"""Eigenvectors to more digits than XLA gives, by Jacobi's rotations.

On TensorFlow, XLA stops at six digits, also in float64.

References:
    Golub and Van Loan, "Matrix computations", 4th edition, section 8.5, 2013.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_multiloss._platform import backend, ops


def eigh(matrix: Any) -> tuple[Any, Any]:
    """Eigenvalues in ascending order, and eigenvectors as columns, of a symmetric matrix."""
    values, vectors = ops.eigh(_symmetric(matrix))
    return _polished(matrix, vectors) if backend() == "tensorflow" else (values, vectors)


def _polished(matrix: Any, vectors: Any) -> tuple[Any, Any]:
    """Those of a matrix whose eigenvectors are known with errors of 1e-6, to about 1e-11.

    One sweep over all pairs of columns squares what is left off the diagonal.
    """
    rotated = _symmetric(ops.transpose(vectors) @ matrix @ vectors)
    for partners in _rounds(matrix.shape[0]):
        rotation = _rotation(rotated, partners)
        rotated = _symmetric(ops.transpose(rotation) @ rotated @ rotation)
        vectors = vectors @ rotation
    values = ops.diagonal(rotated)
    order = ops.argsort(values, axis=0)
    return ops.take(values, order, axis=0), ops.take(vectors, order, axis=1)


def _symmetric(matrix: Any) -> Any:
    return (matrix + ops.transpose(matrix)) / 2.0


def _rotation(matrix: Any, partners: np.ndarray) -> Any:
    """The rotation of pairs of columns that makes their entries off the diagonal 0."""
    identity = np.eye(len(partners))
    swap = ops.cast(identity[partners], matrix.dtype)
    sign = ops.cast(np.sign(partners - np.arange(len(partners))), matrix.dtype)  # 0 if alone
    squares = ops.diagonal(matrix)
    gap = sign * (squares - ops.sum(swap * squares, axis=1))
    angle = ops.arctan2(2.0 * ops.sum(swap * matrix, axis=1), ops.abs(gap)) / 2.0
    angle = sign * ops.where(gap < 0, -angle, angle)
    turned = swap * ops.expand_dims(ops.sin(angle), 1)
    return ops.cast(identity, matrix.dtype) * ops.cos(angle) - turned


def _rounds(n: int) -> list[np.ndarray]:
    """The partner of each of some players, itself if none, in rounds until all have met once."""
    players = list(range(n)) + [-1] * (n % 2)
    half = len(players) // 2
    rounds = []
    for _ in range(len(players) - 1):
        partners = np.arange(n)
        for a, b in zip(players[:half], reversed(players[half:]), strict=True):
            if min(a, b) >= 0:
                partners[a], partners[b] = b, a
        rounds.append(partners)
        players = [players[0], players[-1], *players[1:-1]]
    return rounds
