"""Each task gradient freed from conflict with the others, one after another."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_seed
from keras_multiloss._platform import ops, uniform
from keras_multiloss._saving import serializable
from keras_multiloss.aggregation._aggregator import Aggregator, State, step_of
from keras_multiloss.aggregation._geometry import Geometry, identity_like, in_double_precision


@serializable
class PCGrad(Aggregator):
    r"""Each task gradient freed from conflict with the others, one after another; their sum.

    For each task $i$, from $d_i = g_i$, over the other tasks $j$ in a random order:

    $$d_i \leftarrow d_i - \min\!\left(0, \frac{g_j^\top d_i}{\lVert g_j \rVert^2}\right) g_j,
    \qquad d = \sum_i d_i$$

    With two tasks no task gets worse to first order; with more, a later projection may bring
    back an earlier conflict, which `UPGrad` avoids. The result is the sum, as in the
    paper's Algorithm 1, so it is $T$ times as long as a mean would be. The order is a function
    of the seed and the step, so that a run continues from a file with the same orders, on the
    same backend; others draw other numbers.

    Args:
        seed: an integer, 0 or more; by default one that `keras.utils.set_random_seed` determines.

    Raises:
        TypeError: if the seed is not an integer.
        ValueError: if the seed is out of range.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> gradient = kml.aggregation.PCGrad()(np.array([[-4.0, 1.0, 1.0], [6.0, 1.0, 1.0]]))
        >>> [round(float(x), 4) for x in gradient]
        [0.5848, 3.8012, 3.8012]

    References:
        Yu et al., "Gradient surgery for multi-task learning", NeurIPS 2020.
    """

    def __init__(self, seed: int | None = None) -> None:
        self.seed = check_seed(type(self).__name__, seed)

    def weights(self, gramian: Any, state: State | None = None) -> Any:
        n_tasks = gramian.shape[0]
        drawn = uniform((n_tasks, n_tasks), seed=self.seed, step=step_of(state))
        return self._weights_in_order(gramian, ops.argsort(drawn, axis=1))

    @in_double_precision
    def _weights_in_order(self, gramian: Any, orders: Any) -> Any:
        """The weights where task $i$ meets the others in the order of row $i$."""
        geometry = Geometry.of(gramian)
        n_tasks = gramian.shape[0]
        identity = identity_like(gramian)
        v = identity * geometry.norms
        for place in range(n_tasks):
            met = ops.cast(ops.one_hot(orders[:, place], n_tasks), gramian.dtype) * (1.0 - identity)
            projections = ops.sum(v @ geometry.cosines * met, axis=1, keepdims=True)
            v = v + ops.where(projections < 0, -projections, ops.zeros_like(projections)) * met
        return geometry.weights(ops.sum(v, axis=0))
