"""The shortest vector among the averages of the task gradients."""

from __future__ import annotations

from typing import Any

from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.aggregation._aggregator import Aggregator, State
from keras_multiloss.aggregation._complementarity import solve_complementarity
from keras_multiloss.aggregation._geometry import Geometry, in_double_precision

#: What stands for the length of a gradient that is 0, relative to the longest.
SHORTEST = 1e-12


@serializable
class MGDA(Aggregator):
    r"""The shortest vector among the weighted averages of the task gradients.

    $$w = \operatorname*{arg\,min}_{w \ge 0,\, \sum_i w_i = 1} w^\top G w$$

    It descends on every task, and is 0 where no step would. The shortest gradient dominates:
    a task that is nearly trained holds back the others. Solved exactly.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> gradient = kml.aggregation.MGDA()(np.array([[2.0, 0.0], [0.0, 1.0]]))
        >>> [round(float(x), 4) for x in gradient]
        [0.4, 0.8]

    References:
        Désidéri, "Multiple-gradient descent algorithm (MGDA) for multiobjective
        optimization", Comptes Rendus Mathematique 2012.

        Sener and Koltun, "Multi-task learning as multi-objective optimization", NeurIPS 2018.
    """

    @in_double_precision
    def weights(self, gramian: Any, state: State | None = None) -> Any:  # noqa: ARG002
        # The least of w^T G w / 2 - sum(w) over w >= 0 has the same direction.
        geometry = Geometry.of(gramian)
        norms = ops.where(geometry.is_zero, ops.zeros_like(geometry.norms), geometry.norms)
        longest = ops.max(norms)
        norms = norms / ops.where(longest > 0, longest, ops.ones_like(longest))
        norms = ops.where(norms > SHORTEST, norms, SHORTEST * ops.ones_like(norms))
        v = solve_complementarity(geometry.cosines, ops.expand_dims(-1.0 / norms, 0))[0]
        w = v / norms
        return w / ops.sum(w)
