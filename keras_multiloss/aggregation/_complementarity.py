r"""The quadratic programs behind the rules that avoid conflict, solved exactly.

$$\min_{w \ge 0} \tfrac12 w^\top C w + q^\top w
\iff w \ge 0,\; y = C w + q \ge 0,\; w^\top y = 0$$

Which entries of $w$ are free is found by block principal pivoting: all entries that violate a
bound change sides at once, and only the last of them when that has stopped helping.

References:
    Júdice and Pires, "A block principal pivoting algorithm for large-scale strictly monotone
    linear complementarity problems", Computers and Operations Research 1994.
"""

from __future__ import annotations

from typing import Any

from keras_multiloss._platform import ops, solve, traced_once
from keras_multiloss.aggregation._geometry import identity_like

#: Added to the diagonal: of several solutions the one of least norm is found.
RIDGE = 1e-11

#: What counts as a violated bound, relative to the largest entry.
TOLERANCE = 1e-9

#: How often all entries may change sides at once without progress.
PATIENCE = 3

MAX_PIVOTS = 200


@traced_once()
def solve_complementarity(matrix: Any, offsets: Any) -> Any:
    """The solution of each of several problems with one matrix.

    Args:
        matrix: symmetric and positive semidefinite, float64, `(T, T)`, with a diagonal of
            ones or zeros.
        offsets: $q$ of each problem as rows, `(m, T)`.

    Returns:
        $w$ of each problem as rows, `(m, T)`.
    """
    scale = ops.max(ops.abs(offsets), axis=1, keepdims=True)
    scale = ops.where(scale > 0, scale, ops.ones_like(scale))
    matrix = matrix + RIDGE * identity_like(matrix)
    offsets = offsets / scale
    is_free = offsets < 0
    n_violated = _n_marked(is_free) + matrix.shape[0]
    patience = ops.full_like(n_violated, PATIENCE)

    def go_on(pivot: Any, is_free: Any, n_violated: Any, patience: Any) -> Any:  # noqa: ARG001
        return ops.logical_and(pivot < MAX_PIVOTS, ops.any(n_violated > 0))

    def exchange(pivot: Any, is_free: Any, least: Any, patience: Any) -> Any:
        is_violated = _violations(is_free, *_solution(matrix, offsets, is_free))
        n_violated = _n_marked(is_violated)
        improves = n_violated < least
        patience = ops.where(improves, ops.full_like(patience, PATIENCE), patience - 1)
        moves_all = ops.expand_dims(ops.logical_or(improves, patience >= 0), 1)
        moved = ops.logical_and(is_violated, ops.logical_or(moves_all, _last(is_violated)))
        least = ops.where(improves, n_violated, least)
        is_free = ops.equal(is_free, ops.logical_not(moved))
        least = ops.where(n_violated == 0, n_violated, least)
        return pivot + 1, is_free, least, patience

    start = (ops.convert_to_tensor(0, "int32"), is_free, n_violated, patience)
    _, is_free, _, _ = ops.while_loop(go_on, exchange, start)
    w, _ = _solution(matrix, offsets, is_free)
    return ops.where(w > 0, w, ops.zeros_like(w)) * scale


def out_of_conflict(least: Any, cosines: Any) -> Any:
    r"""The weights $v \ge u$ of least $v^\top C v$, in unit coordinates, for each row $u$."""
    return least + solve_complementarity(cosines, least @ cosines)


def _n_marked(marks: Any) -> Any:
    return ops.sum(ops.cast(marks, "int32"), axis=1)


def _last(marks: Any) -> Any:
    """Marks the last marked entry of each row."""
    places = ops.cumsum(ops.cast(marks, "int32"), axis=1)
    return ops.logical_and(marks, ops.equal(places, ops.max(places, axis=1, keepdims=True)))


def _solution(matrix: Any, offsets: Any, is_free: Any) -> tuple[Any, Any]:
    """$w$ and $y$ where the free entries of $y$ and all others of $w$ are 0."""
    identity = identity_like(matrix)
    is_in = ops.logical_and(ops.expand_dims(is_free, 1), ops.expand_dims(is_free, 2))
    free_part = ops.where(is_in, matrix + 0 * ops.expand_dims(offsets, 2), identity)
    right = ops.where(is_free, -offsets, ops.zeros_like(offsets))
    w = solve(free_part, ops.expand_dims(right, 2))[:, :, 0]
    return w, w @ matrix + offsets


def _violations(is_free: Any, w: Any, y: Any) -> Any:
    """Which free entries of $w$, and which others of $y$, are negative."""
    size = 1.0 + ops.max(ops.abs(w), axis=1, keepdims=True)
    return ops.where(is_free, w < -TOLERANCE * size, y < -TOLERANCE * size)
