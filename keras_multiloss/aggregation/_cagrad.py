"""The best step for the worst task, near the mean of the gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._checks import check_not_negative
from keras_multiloss._platform import ops, traced_once
from keras_multiloss._saving import serializable
from keras_multiloss.aggregation._aggregator import Aggregator, State
from keras_multiloss.aggregation._complementarity import solve_complementarity
from keras_multiloss.aggregation._geometry import PRECISION, Geometry, in_double_precision
from keras_multiloss.aggregation._preference import check_preference, preference_shares

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Halvings of the interval that holds the worst task's progress: all that float64 can tell.
N_HALVINGS = 52


@serializable
class CAGrad(Aggregator):
    r"""The direction in which the slowest task makes most progress, near the mean gradient.

    $$\max_d \min_i g_i^\top d \quad\text{with}\quad
    \lVert d - g_0 \rVert \le c \lVert g_0 \rVert,\quad g_0 = \sum_i u_i g_i$$

    With $c = 0$ it is the mean, and with $c \to \infty$ the direction of `MGDA`. Solved
    exactly: for a given progress $\nu$ of the slowest task, the nearest $d$ to $g_0$ is a
    quadratic program, and its distance grows with $\nu$. The authors' code offers to divide the
    result by $1 + c$ or $1 + c^2$, to keep the length of the mean; here it is as in the paper, and
    up to $1 + c$ times as long as the mean.

    Args:
        c: radius of the ball, as a multiple of the length of $g_0$; 0 or more, 0.4 to 0.5 in
            the paper.
        preference: positive priorities of the tasks, in their order; $u$ are these divided by
            their sum. By default all tasks have the same.

    Raises:
        ValueError: if `c` is negative or a priority not positive.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> gradient = kml.aggregation.CAGrad(c=0.5)(np.array([[-4.0, 1.0], [6.0, 1.0]]))
        >>> [round(float(x), 4) for x in gradient]
        [0.314, 1.1715]

    References:
        Liu et al., "Conflict-averse gradient descent for multi-task learning", NeurIPS 2021.
    """

    def __init__(self, c: float = 0.5, preference: Sequence[float] | None = None) -> None:
        self.c = check_not_negative(type(self).__name__, "c", c)
        self.preference = check_preference(type(self).__name__, preference)

    @in_double_precision
    def weights(self, gramian: Any, state: State | None = None) -> Any:  # noqa: ARG002
        geometry = Geometry.of(gramian)
        u = preference_shares(self.preference, gramian, type(self).__name__)
        start = ops.expand_dims(u * geometry.norms, 0)
        progress = start @ geometry.cosines
        length = ops.sqrt(ops.sum(progress * start))
        radius = self.c * length
        low = ops.min(progress[0] * geometry.norms)
        high = ops.min(geometry.norms) * (length + radius)
        high = ops.where(_cancel(geometry.cosines), ops.zeros_like(high), high)
        moved = _largest_move(geometry, progress, radius, low, high)
        return geometry.weights((start + moved)[0])


@traced_once()
def _largest_move(geometry: Geometry, progress: Any, radius: Any, low: Any, high: Any) -> Any:
    """What to add to the mean for the most progress of the worst task, within a radius.

    Args:
        geometry: that of the gradients.
        progress: of each task along the mean, `(1, T)`.
        radius: how long the addition may be.
        low: progress of the worst task that is within reach.
        high: progress of the worst task that is not.
    """

    def moved(worst: Any) -> Any:
        """What to add to the mean so that no task makes less progress."""
        return solve_complementarity(geometry.cosines, progress - worst / geometry.norms)

    def halve(n_halvings: Any, low: Any, high: Any) -> Any:
        middle = (low + high) / 2.0
        v = moved(middle)
        is_inside = ops.sum((v @ geometry.cosines) * v) <= radius * radius
        low, high = ops.where(is_inside, middle, low), ops.where(is_inside, high, middle)
        return n_halvings + 1, low, high

    first = (ops.convert_to_tensor(0, "int32"), low, high)
    _, low, _ = ops.while_loop(lambda n, low, high: n < N_HALVINGS, halve, first)  # noqa: ARG005
    return moved(low)


def _cancel(cosines: Any) -> Any:
    """Whether some average of the unit gradients is 0: no step is good for all tasks then."""
    offsets = -ops.ones_like(ops.expand_dims(ops.diagonal(cosines), 0))
    square_of_shortest = 1.0 / ops.sum(solve_complementarity(cosines, offsets))
    return square_of_shortest <= cosines.shape[0] * PRECISION
