"""Each task gradient projected out of conflict, and averaged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.aggregation._aggregator import Aggregator, State
from keras_multiloss.aggregation._complementarity import out_of_conflict
from keras_multiloss.aggregation._geometry import Geometry, identity_like, in_double_precision
from keras_multiloss.aggregation._preference import check_preference, preference_shares

if TYPE_CHECKING:
    from collections.abc import Sequence


@serializable
class UPGrad(Aggregator):
    r"""Each task gradient projected out of conflict with the others, and their mean.

    $$w = \sum_i u_i \operatorname*{arg\,min}_{v \ge e_i} v^\top G v$$

    $J^\top v$ is the vector nearest to $g_i$ that makes an obtuse angle with no task gradient. So
    no task gets worse to first order, tasks that do not conflict keep their gradients, and
    longer gradients count for more.

    Args:
        preference: positive priorities of the tasks, in their order; $u$ are these divided by
            their sum. By default all tasks have the same.

    Raises:
        ValueError: if a priority is not positive.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> gradient = kml.aggregation.UPGrad()(np.array([[-4.0, 1.0, 1.0], [6.0, 1.0, 1.0]]))
        >>> [round(float(x), 4) for x in gradient]
        [0.2924, 1.9006, 1.9006]

    References:
        Quinton and Rey, "Jacobian descent for multi-objective optimization",
        arXiv:2406.16232, 2024.
    """

    def __init__(self, preference: Sequence[float] | None = None) -> None:
        self.preference = check_preference(type(self).__name__, preference)

    @in_double_precision
    def weights(self, gramian: Any, state: State | None = None) -> Any:  # noqa: ARG002
        geometry = Geometry.of(gramian)
        u = preference_shares(self.preference, gramian, type(self).__name__)
        least = identity_like(gramian) * (u * geometry.norms)
        moved = out_of_conflict(least, geometry.cosines)
        return geometry.weights(ops.sum(moved, axis=0))
