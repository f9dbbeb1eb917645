"""The gradient of the first task, with some progress for all others."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_multiloss._checks import check_between
from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.aggregation._aggregator import Aggregator, State
from keras_multiloss.aggregation._complementarity import solve_complementarity
from keras_multiloss.aggregation._geometry import Geometry, in_double_precision

#: What counts as 0 among numbers of size 1, of what float64 makes of a float32 Gramian.
ROUNDING = 1e-9


@serializable
class PCD(Aggregator):
    r"""Priority-constrained descent: the gradient of the first task, with progress for all others.

    $$\min_d \tfrac12 \lVert d - \tilde g_1 \rVert^2 \quad\text{with}\quad
    \tilde g_j^\top d \ge \tau \lVert \tilde g_j \rVert^2,\; j = 2, \dots, T,\qquad
    \tilde g_i = g_i / \sqrt{v_i}$$

    where $v_i$ is the running average of $\lVert g_i \rVert^2$, corrected for its start at 0. The
    result is $d$, scaled to the length of $g_1$. Where no $d$ gives all tasks their progress, it
    is $g_1$.
    Solved exactly. The order of the tasks matters: put the one that counts most first.

    Args:
        tau: progress of each other task, from 0 to 1, as a share of what a step along its own
            gradient would give it.
        beta: share of the past in the running averages, from 0 up to, but not including, 1.

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> rule = kml.aggregation.PCD(tau=0.5)
        >>> gradient = rule(np.array([[2.0, 0.0], [0.0, 8.0]]))
        >>> [round(float(x), 4) for x in gradient]
        [1.7889, 0.8944]

    References:
        "Not all objectives are born equal: priority-constrained descent for hierarchical
        multi-objective optimization", TMLR 2026 (arXiv 2606.29521).
    """

    def __init__(self, tau: float = 0.02, beta: float = 0.999) -> None:
        where = type(self).__name__
        self.tau = check_between(where, "tau", tau, 0.0, 1.0)
        self.beta = check_between(where, "beta", beta, 0.0, 1.0 - ROUNDING)

    def initial_state(self, n_tasks: int, n_parameters: int) -> dict[str, Any]:
        del n_parameters
        return {"squares": np.zeros(n_tasks, "float32"), "mass": np.zeros((), "float32")}

    def advance(self, gradients: Any, losses: Any, state: State) -> State:
        del losses
        squares = ops.diagonal(ops.convert_to_tensor(gradients))
        return {
            **state,
            "squares": self.beta * state["squares"] + (1.0 - self.beta) * squares,
            "mass": self.beta * state["mass"] + (1.0 - self.beta),
        }

    @in_double_precision
    def weights(self, gramian: Any, state: State | None = None) -> Any:
        geometry = Geometry.of(gramian)
        lengths = _in_usual_lengths(gramian, state)
        is_first = ops.arange(gramian.shape[0]) < 1
        start = ops.where(is_first, lengths, ops.zeros_like(lengths))
        added = self._added(geometry.cosines, lengths, start, is_first)
        direction = start + added
        square = ops.sum(direction * ops.sum(geometry.cosines * direction, axis=1))
        is_there = square > ROUNDING * ops.sum(ops.square(direction))
        length = ops.sqrt(ops.where(is_there, square, ops.ones_like(square)))
        target = ops.sqrt(ops.where(is_there, gramian[0, 0], ops.zeros_like(square)))
        return geometry.weights(direction * target / length)

    def _added(self, cosines: Any, lengths: Any, start: Any, is_first: Any) -> Any:
        """What to add to the first gradient, in unit coordinates; 0 where nothing helps."""
        is_pair = ops.logical_or(ops.expand_dims(is_first, 0), ops.expand_dims(is_first, 1))
        matrix = ops.where(is_pair, ops.zeros_like(cosines), cosines)
        progress = ops.sum(cosines * start, axis=1)
        due = ops.where(is_first, ops.zeros_like(lengths), self.tau * lengths)
        missing = ops.where(is_first, ops.zeros_like(lengths), progress - due)
        added = solve_complementarity(matrix, ops.expand_dims(missing, 0))[0]
        # Without a solution, some task makes no progress at all, whatever is added.
        progress = ops.where(is_first, due, progress + ops.sum(matrix * added, axis=1))
        is_solved = ops.all(progress >= 0.5 * due - ROUNDING)
        return ops.where(is_solved, added, ops.zeros_like(added))


def _in_usual_lengths(gramian: Any, state: State | None) -> Any:
    """The length of each gradient, as a multiple of what it has been on average."""
    squares = ops.diagonal(gramian)
    usual = squares
    if state is not None:
        usual = ops.cast(state["squares"], gramian.dtype) / ops.cast(state["mass"], gramian.dtype)
    return ops.sqrt(squares / ops.where(usual > 0, usual, ops.ones_like(usual)))
