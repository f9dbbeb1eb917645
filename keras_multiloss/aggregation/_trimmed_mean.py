"""The mean of each entry of the gradients without its extremes."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_count
from keras_multiloss._messages import error
from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.aggregation._aggregator import Aggregator, State


@serializable
class TrimmedMean(Aggregator):
    r"""The mean of each entry over the tasks, without its greatest and its least values.

    $$d = \frac{1}{T - 2b} \sum_{i = b + 1}^{T - b} g_{(i)}$$

    for each entry, with its values $g_{(1)} \le \dots \le g_{(T)}$ in order. Made for many
    workers on one task, of which up to $b$ may send anything; for tasks that differ on purpose
    it is a baseline. An entry with a value that is not finite is NaN, so that an overflow is
    noticed.

    Args:
        trim: $b$, how many values to leave out at each end; 0 or more, less than half the tasks.

    Raises:
        TypeError: if `trim` is not an integer.
        ValueError: if `trim` is negative; when it is used, if nothing is left.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> gradients = np.array([[1.0, 7.0], [3.0, 1.0], [-90.0, 2.0], [2.0, 4.0]])
        >>> [float(x) for x in kml.aggregation.TrimmedMean(trim=1)(gradients)]
        [1.5, 3.0]

    References:
        Yin et al., "Byzantine-robust distributed learning: Towards optimal statistical rates",
        ICML 2018.
    """

    needs_jacobian = True

    def __init__(self, trim: int) -> None:
        self.trim = check_count(type(self).__name__, "trim", trim, least=0)

    def combine(self, jacobian: Any, state: State | None = None) -> Any:  # noqa: ARG002
        n_tasks = jacobian.shape[0]
        if n_tasks <= 2 * self.trim:
            raise error(
                ValueError,
                type(self).__name__,
                "`trim` leaves no gradient",
                expected=f"at least {2 * self.trim + 1} tasks, for trim={self.trim}",
                received=f"{n_tasks} tasks",
            )
        mean = ops.mean(ops.sort(jacobian, axis=0)[self.trim : n_tasks - self.trim], axis=0)
        is_sound = ops.all(ops.isfinite(jacobian), axis=0)
        return ops.where(is_sound, mean, ops.full_like(mean, float("nan")))
