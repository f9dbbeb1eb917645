"""The mean of the task gradients, projected out of conflict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.aggregation._aggregator import Aggregator, State
from keras_multiloss.aggregation._complementarity import out_of_conflict
from keras_multiloss.aggregation._geometry import Geometry, in_double_precision
from keras_multiloss.aggregation._preference import check_preference, preference_shares

if TYPE_CHECKING:
    from collections.abc import Sequence


@serializable
class DualProj(Aggregator):
    r"""The mean of the task gradients, projected out of conflict with each of them.

    $$w = \operatorname*{arg\,min}_{v \ge u} v^\top G v$$

    $J^\top w$ is the vector nearest to the mean that makes an obtuse angle with no task
    gradient.

    Args:
        preference: positive priorities of the tasks, in their order; $u$ are these divided by
            their sum. By default all tasks have the same.

    Raises:
        ValueError: if a priority is not positive.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> gradient = kml.aggregation.DualProj()(np.array([[-4.0, 1.0, 1.0], [6.0, 1.0, 1.0]]))
        >>> [round(float(x), 4) for x in gradient]
        [0.5556, 1.1111, 1.1111]

    References:
        Lopez-Paz and Ranzato, "Gradient episodic memory for continual learning", NeurIPS 2017.
    """

    def __init__(self, preference: Sequence[float] | None = None) -> None:
        self.preference = check_preference(type(self).__name__, preference)

    @in_double_precision
    def weights(self, gramian: Any, state: State | None = None) -> Any:  # noqa: ARG002
        geometry = Geometry.of(gramian)
        u = preference_shares(self.preference, gramian, type(self).__name__)
        least = ops.expand_dims(u * geometry.norms, 0)
        moved = out_of_conflict(least, geometry.cosines)
        return geometry.weights(moved[0])
