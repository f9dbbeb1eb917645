"""The direction on which all tasks progress alike."""

from __future__ import annotations

from typing import Any

from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.aggregation._aggregator import Aggregator, State
from keras_multiloss.aggregation._geometry import (
    PRECISION,
    Geometry,
    in_double_precision,
    pseudo_inverse,
)


@serializable
class IMTLG(Aggregator):
    r"""The combination whose projections on all task gradients are equal.

    $$\frac{g_i^\top d}{\lVert g_i \rVert} = t \text{ for all } i,\quad \sum_i w_i = 1$$

    All tasks matter alike, whatever the lengths of their gradients. Weights can be negative, and
    so can $t$ with three tasks or more. Where the gradients cancel, the weights are 0.

    Solved for unit gradients: $C v = 1$ with their cosines $C$, and $w_i \propto v_i / n_i$ with
    the lengths $n_i$. The Gramian has the squares of the lengths in it, of which float32 keeps
    seven digits: a gradient $10^{-4}$ as long as another would be taken for rounding. Where
    the gradients are linearly dependent, it is the least-squares solution of least norm.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> gradient = kml.aggregation.IMTLG()(np.array([[0.0, 3.0], [1.0, 0.0]]))
        >>> [round(float(x), 4) for x in gradient]
        [0.75, 0.75]

    References:
        Liu et al., "Towards impartial multi-task learning", ICLR 2021.
    """

    @in_double_precision
    def weights(self, gramian: Any, state: State | None = None) -> Any:  # noqa: ARG002
        geometry = Geometry.of(gramian)
        v = ops.sum(pseudo_inverse(geometry.cosines), axis=1)
        w = geometry.weights(v)
        total = ops.sum(w)
        # sum(v) is the squared length of the combination of unit gradients.
        exists = ops.logical_and(
            ops.sum(v) > PRECISION, ops.abs(total) > PRECISION * ops.max(ops.abs(w))
        )
        w = w / ops.where(exists, total, ops.ones_like(total))
        return ops.where(exists, w, ops.zeros_like(w))
