"""Task gradients by length and direction, and arithmetic in double precision."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

from keras_multiloss._platform import double_precision, ops
from keras_multiloss.aggregation._rotations import eigh

if TYPE_CHECKING:
    from collections.abc import Callable

#: The relative precision of float32, in which Gramians come.
PRECISION = 1.2e-7


class Geometry(NamedTuple):
    """A Gramian taken apart: $G_{ij} = n_i C_{ij} n_j$.

    Gradients of very different lengths make a Gramian badly conditioned; the cosines are
    not. Rules are solved for these, in coordinates $v_i = n_i w_i$.

    Args:
        norms: lengths of the gradients; 1 stands for 0, where `is_zero`.
        cosines: the cosines between them; rows and columns of gradients that are 0 are 0.
        is_zero: which gradients are 0.
    """

    norms: Any
    cosines: Any
    is_zero: Any

    @classmethod
    def of(cls, gramian: Any) -> Geometry:
        """That of a float64 Gramian, its cosines without what rounding made of zeros."""
        squares = ops.diagonal(gramian)
        is_zero = squares <= 0
        norms = ops.sqrt(ops.where(is_zero, ops.ones_like(squares), squares))
        cosines = gramian / (ops.expand_dims(norms, 0) * ops.expand_dims(norms, 1))
        return cls(norms, _positive_semidefinite(cosines), is_zero)

    def weights(self, v: Any) -> Any:
        """The weights of the gradients for those of the unit gradients, 0 for those that are 0."""
        return ops.where(self.is_zero, ops.zeros_like(v), v / self.norms)


def _positive_semidefinite(matrix: Any) -> Any:
    """A symmetric matrix with eigenvalues below the precision of float32 set to 0."""
    values, vectors = eigh(matrix)
    least = matrix.shape[0] * PRECISION * ops.max(values)
    values = ops.where(values > least, values, ops.zeros_like(values))
    return (vectors * values) @ ops.transpose(vectors)


def pseudo_inverse(matrix: Any) -> Any:
    """The pseudo-inverse of a symmetric matrix that is positive semidefinite."""
    values, vectors = eigh(matrix)
    is_kept = values > matrix.shape[0] * PRECISION * ops.max(values)
    safe = ops.where(is_kept, values, ops.ones_like(values))
    inverse = ops.where(is_kept, 1.0 / safe, ops.zeros_like(values))
    return (vectors * inverse) @ ops.transpose(vectors)


def identity_like(matrix: Any) -> Any:
    """The identity in the size and dtype of a square matrix."""
    return ops.cast(ops.eye(matrix.shape[0]), matrix.dtype)


def in_double_precision(weights: Callable[..., Any]) -> Callable[..., Any]:
    """Let a method `weights(self, gramian, state)` compute with a float64 Gramian.

    It is small, so this costs nothing, and systems of nearly parallel gradients need the
    digits. The result is float32; it is NaN where the Gramian is not finite, so that an
    overflow is noticed.
    """

    @functools.wraps(weights)
    def wrapper(self: Any, gramian: Any, state: Any = None) -> Any:
        gramian = ops.cast(ops.convert_to_tensor(gramian), "float32")
        is_sound = ops.all(ops.isfinite(gramian))
        with double_precision():
            safe = ops.cast(ops.where(is_sound, gramian, ops.zeros_like(gramian)), "float64")
            found = ops.cast(weights(self, safe, state), "float32")
        return ops.where(is_sound, found, ops.full_like(found, float("nan")))

    return wrapper
