"""The direction that makes the same angle with all task gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.aggregation._aggregator import Aggregator, State
from keras_multiloss.aggregation._geometry import (
    PRECISION,
    Geometry,
    in_double_precision,
    pseudo_inverse,
)
from keras_multiloss.aggregation._preference import check_preference, preference_shares

if TYPE_CHECKING:
    from collections.abc import Sequence


@serializable
class ConFIG(Aggregator):
    r"""The direction at the same angle to all task gradients, the longer the more they agree.

    $$d = \Big(\sum_i g_i^\top e\Big)\, e,\quad e = \frac{U^+ u}{\lVert U^+ u \rVert}$$

    where the rows of $U$ are the gradients, each divided by its length. No task gets worse to
    first order if the gradients are linearly independent; the more they conflict, the shorter
    the step. It is 0 where they cancel.

    Args:
        preference: positive priorities of the tasks, in their order; the cosine between $d$ and
            a gradient is proportional to its priority. By default all are equal.

    Raises:
        ValueError: if a priority is not positive.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> gradient = kml.aggregation.ConFIG()(np.array([[-4.0, 1.0, 1.0], [6.0, 1.0, 1.0]]))
        >>> [round(float(x), 4) for x in gradient]
        [0.1588, 2.0706, 2.0706]

    References:
        Liu et al., "ConFIG: Towards conflict-free training of physics informed neural
        networks", ICLR 2025.
    """

    def __init__(self, preference: Sequence[float] | None = None) -> None:
        self.preference = check_preference(type(self).__name__, preference)

    @in_double_precision
    def weights(self, gramian: Any, state: State | None = None) -> Any:  # noqa: ARG002
        u = preference_shares(self.preference, gramian, type(self).__name__)
        geometry = Geometry.of(gramian)
        v = ops.sum(pseudo_inverse(geometry.cosines) * u, axis=1)
        progress = ops.sum(geometry.cosines * v, axis=1)
        square = ops.sum(u * v)  # of the length of the direction
        exists = square > PRECISION * ops.sum(u * u)
        square = ops.where(exists, square, ops.ones_like(square))
        w = geometry.weights(v) * ops.sum(geometry.norms * progress) / square
        return ops.where(exists, w, ops.zeros_like(w))
