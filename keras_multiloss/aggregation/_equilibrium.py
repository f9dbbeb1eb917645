r"""The equilibrium of the bargaining rules, $G w = w^{-1/\alpha}$, by Newton's method."""

from __future__ import annotations

from typing import Any

from keras_multiloss._platform import ops, solve, traced_once
from keras_multiloss.aggregation._geometry import Geometry, identity_like

#: Added to the diagonal: where the gradients cancel, there is no equilibrium without it.
RIDGE = 1e-9

MAX_STEPS = 100

#: Newton's method ends when no weight moves by more than this part of itself.
TOLERANCE = 1e-9

#: What stands for a loss that is 0 or less, where the whole step is right.
SHORT_STEP = 1e-6

#: The part of an entry that a step leaves at least; the entry has to stay above 0.
LEAST_KEPT = 1e-2


def solve_equilibrium(gramian: Any, alpha: float) -> Any:
    r"""Weights for which $(G / \lVert G \rVert_F)\, w = w^{-1/\alpha}$.

    Scaling all gradients alike does not change them. In unit coordinates $v_i = n_i w_i$ the
    equation is $C v = b\, v^{-1/\alpha}$ with $b_i = n_i^{1/\alpha - 1}$.

    Args:
        gramian: float64, `(T, T)`.
        alpha: above 0.
    """
    geometry = Geometry.of(gramian)
    gains = ops.power(geometry.norms, 1.0 / alpha - 1.0)
    largest = ops.max(gains)
    matrix = geometry.cosines + RIDGE * identity_like(geometry.cosines)
    v = _minimum(matrix, gains / largest, alpha)
    size = ops.sqrt(ops.sum(ops.square(gramian)))
    return geometry.weights(v) * ops.power(size * largest, alpha / (1.0 + alpha))


@traced_once("alpha")
def _minimum(matrix: Any, gains: Any, alpha: float) -> Any:
    r"""Where $\tfrac12 v^\top C v - \sum_i b_i \int v_i^{-1/\alpha}$ is least.

    Convex, and it never grows on the way there: with $r$ the greatest part of itself that an
    entry loses in a whole Newton step, the curvature along $t$ of the step grows by
    $(1 - tr)^{-1/\alpha - 1}$ at most, and the function falls at least until
    $(1 - tr)^{-1/\alpha} = 1 + r / \alpha$.
    """

    def go_on(n_steps: Any, v: Any, change: Any) -> Any:  # noqa: ARG001
        return ops.logical_and(n_steps < MAX_STEPS, change > TOLERANCE)

    def step(n_steps: Any, v: Any, change: Any) -> Any:  # noqa: ARG001
        pull = gains * ops.power(v, -1.0 / alpha)
        slope = ops.sum(matrix * v, axis=1) - pull
        curvature = pull / (alpha * v)
        hessian = matrix + identity_like(matrix) * curvature
        direction = -solve(hessian, ops.expand_dims(slope, 1))[:, 0]
        loss = ops.max(-direction / v)
        loss = ops.where(loss > SHORT_STEP, loss, SHORT_STEP * ops.ones_like(loss))
        kept = ops.power(1.0 + loss / alpha, -alpha)
        kept = ops.where(kept > LEAST_KEPT, kept, LEAST_KEPT * ops.ones_like(kept))
        part = (1.0 - kept) / loss
        moved = v + part * direction
        return n_steps + 1, moved, ops.max(ops.abs(moved - v) / v)

    start = ops.ones_like(gains)
    first = (ops.convert_to_tensor(0, "int32"), start, ops.max(start))
    return ops.while_loop(go_on, step, first)[1]
