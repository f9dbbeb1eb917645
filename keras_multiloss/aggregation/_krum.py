"""The task gradients nearest to their neighbours."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_count
from keras_multiloss._messages import error
from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.aggregation._aggregator import Aggregator, State
from keras_multiloss.aggregation._geometry import in_double_precision


@serializable
class Krum(Aggregator):
    r"""The mean of the task gradients that are nearest to their neighbours (Multi-Krum).

    $$s_i = \sum_{j \in N_i} \lVert g_i - g_j \rVert^2,\quad
    N_i \text{ the } T - f - 2 \text{ gradients nearest to } g_i$$

    The mean is taken of those with the lowest scores $s_i$. Up to $f$ gradients can be
    anything, and the others still set the step. Distances are squared, as in the paper; some
    implementations take their roots, and select other gradients. Made for many workers on one
    task; for tasks that differ on purpose it is a baseline.

    Args:
        n_byzantine: $f$, the number of gradients that may be wrong, 0 or more; $2f + 2$ must be
            less than the number of tasks.
        n_selected: how many gradients to take the mean of, 1 or more; 1 is Krum itself.

    Raises:
        TypeError: if an argument is not an integer.
        ValueError: if an argument is too small; when it is used, if there are too few tasks.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> gradients = np.array([[1.0, 0.0], [1.0, 0.5], [1.0, 0.2], [1.0, 0.3], [-90.0, 9.0]])
        >>> gradient = kml.aggregation.Krum(n_byzantine=1, n_selected=2)(gradients)
        >>> [round(float(x), 4) for x in gradient]
        [1.0, 0.25]

    References:
        Blanchard et al., "Machine learning with adversaries: Byzantine tolerant gradient
        descent", NeurIPS 2017.
    """

    def __init__(self, n_byzantine: int, n_selected: int = 1) -> None:
        where = type(self).__name__
        self.n_byzantine = check_count(where, "n_byzantine", n_byzantine, least=0)
        self.n_selected = check_count(where, "n_selected", n_selected)

    @in_double_precision
    def weights(self, gramian: Any, state: State | None = None) -> Any:  # noqa: ARG002
        n_tasks = gramian.shape[0]
        self._check_tasks(n_tasks)
        squares = ops.diagonal(gramian)
        distances = ops.expand_dims(squares, 0) + ops.expand_dims(squares, 1) - 2.0 * gramian
        # The first is that of a gradient from itself.
        nearest = ops.sort(distances, axis=1)[:, 1 : n_tasks - self.n_byzantine - 1]
        best = ops.argsort(ops.sum(nearest, axis=1), axis=0)[: self.n_selected]
        marks = ops.cast(ops.one_hot(best, n_tasks), gramian.dtype)
        return ops.sum(marks, axis=0) / self.n_selected

    def _check_tasks(self, n_tasks: int) -> None:
        least = max(2 * self.n_byzantine + 3, self.n_selected)
        if n_tasks < least:
            raise error(
                ValueError,
                type(self).__name__,
                "there are too few tasks to tell which are wrong",
                expected=f"at least {least} tasks, for n_byzantine={self.n_byzantine} and "
                f"n_selected={self.n_selected}",
                received=f"{n_tasks} tasks",
            )
