"""Task gradients turned until they are orthogonal and of one length."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

from keras_multiloss._checks import check_choice
from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.aggregation._aggregator import Aggregator, State
from keras_multiloss.aggregation._geometry import PRECISION, Geometry, in_double_precision
from keras_multiloss.aggregation._preference import check_preference, preference_shares
from keras_multiloss.aggregation._rotations import eigh

if TYPE_CHECKING:
    from collections.abc import Sequence

Scale = Literal["min", "median", "rmse"]


@serializable
class AlignedMTL(Aggregator):
    r"""The mean of the task gradients after their principal components are made equal.

    $$w = \sqrt{\lambda}\; V \Lambda^{-1/2} V^\top u,\quad G = V \Lambda V^\top$$

    over the components that are not 0. No component dominates, and the system of gradients gets
    the best possible condition number, 1. It is a mean, $\sum_i u_i = 1$, as in the paper; the
    authors' code adds up, so that its step is $T$ times as long.

    Args:
        scale: the length that all components get: `"min"`, that of the shortest, as in the
            paper; `"median"`, the median (of two in the middle, the shorter); `"rmse"`, the
            root of their mean square.
        preference: positive priorities of the tasks, in their order; $u$ are these divided by
            their sum. By default all tasks have the same.

    Raises:
        ValueError: for an unknown scale, or if a priority is not positive.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> gradient = kml.aggregation.AlignedMTL()(np.array([[-4.0, 1.0, 1.0], [6.0, 1.0, 1.0]]))
        >>> [round(float(x), 4) for x in gradient]
        [0.2133, 0.9673, 0.9673]

    References:
        Senushkin et al., "Independent component alignment for multi-task learning", CVPR 2023.
    """

    def __init__(self, scale: Scale = "min", preference: Sequence[float] | None = None) -> None:
        where = type(self).__name__
        check_choice(where, "scale", scale, get_args(Scale))
        self.scale = scale
        self.preference = check_preference(where, preference)

    @in_double_precision
    def weights(self, gramian: Any, state: State | None = None) -> Any:  # noqa: ARG002
        u = preference_shares(self.preference, gramian, type(self).__name__)
        values, vectors, is_kept = _components(Geometry.of(gramian))
        squares = ops.where(is_kept, values, ops.ones_like(values))
        factors = ops.sqrt(self._reference(values, is_kept) / squares)
        factors = ops.where(is_kept, factors, ops.zeros_like(factors))
        return ops.sum(vectors * factors * ops.sum(ops.transpose(vectors) * u, axis=1), axis=1)

    def _reference(self, values: Any, is_kept: Any) -> Any:
        """The square of the common length, from those of the components, in ascending order."""
        rank = ops.sum(ops.cast(is_kept, "int32"))
        rank = ops.where(rank > 0, rank, ops.ones_like(rank))
        if self.scale == "rmse":
            kept = ops.where(is_kept, values, ops.zeros_like(values))
            return ops.sum(kept) / ops.cast(rank, values.dtype)
        above = (rank - 1) // 2 if self.scale == "median" else 0
        return ops.take(values, values.shape[0] - rank + above, axis=0)


def _components(geometry: Geometry) -> tuple[Any, Any, Any]:
    """Eigenvalues and eigenvectors of the Gramian, and which of them are not 0.

    How many these are is seen from the cosines: an eigenvalue of the Gramian may be small only
    because a gradient is short.
    """
    norms = ops.where(geometry.is_zero, ops.zeros_like(geometry.norms), geometry.norms)
    cosines, _ = eigh(geometry.cosines)
    gramian = ops.expand_dims(norms, 0) * geometry.cosines * ops.expand_dims(norms, 1)
    values, vectors = eigh(gramian)
    return values, vectors, ops.logical_and(cosines > PRECISION * ops.max(cosines), values > 0)
