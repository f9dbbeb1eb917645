"""When plain weights are enough, as far as task gradients can tell: rules of thumb."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_multiloss.callbacks._conflicts import cosines_of, norms_of

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Above it the shorter gradient hardly counts: it turns their sum by less than six degrees.
MAX_NORM_RATIO = 10.0

#: At equal norms, a step along the sum of two gradients with this cosine lowers each loss by
#: nine tenths of what the gradient of that loss alone would: not worth a remedy.
MARKED_COSINE = -0.1

#: One measurement in twenty may be chance.
MAX_CONFLICT_RATE = 0.05


def summary(names: Sequence[str], gramians: Any) -> str:
    """A verdict on the tasks, with the numbers that it rests on.

    Args:
        names: of the tasks.
        gramians: of all measurements, `(M, T, T)`.
    """
    norms = {k: _median(x) for k, x in zip(names, norms_of(gramians).T, strict=True)}
    norms = {name: norm for name, norm in norms.items() if norm > 0}
    if len(norms) < 2:
        return "Nothing to balance: no two tasks have gradients at parameters that they share."
    n = len(gramians)
    longest, shortest = max(norms, key=norms.__getitem__), min(norms, key=norms.__getitem__)
    ratio = norms[longest] / norms[shortest]
    if ratio > MAX_NORM_RATIO:
        return (
            f"Weights that bring the losses to one scale come first: the gradient of {longest!r} "
            f"is {_times(ratio)} as long as that of {shortest!r} (medians of {n} measurements). "
            "Set them and measure again."
        )
    conflicts = _marked_conflicts(names, cosines_of(gramians))
    if conflicts:
        return f"Gradient balancing may help: {_told(conflicts, n)}. Compare it with tuned weights."
    return (
        f"Plain weights are enough: no pair had a cosine below {MARKED_COSINE} in more than "
        f"{MAX_CONFLICT_RATE:.0%} of {n} measurements, and the lengths of the gradients differ "
        f"by at most {_times(ratio)}."
    )


def _median(values: Any) -> float:
    """The median of what is known; NaN if nothing is."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")


def _times(ratio: float) -> str:
    """A ratio with two digits that count, without an exponent."""
    return f"{float(f'{ratio:.2g}'):,.0f}x" if ratio >= 10 else f"{ratio:.1f}x"


def _marked_conflicts(names: Sequence[str], cosines: Any) -> list[tuple[float, str, str]]:
    """How often pairs conflict that do so too often, with their names, the worst first."""
    found = []
    for i, j in combinations(range(len(names)), 2):
        known = cosines[np.isfinite(cosines[:, i, j]), i, j]
        rate = float(np.mean(known < MARKED_COSINE)) if len(known) else 0.0
        if rate > MAX_CONFLICT_RATE:
            found.append((rate, names[i], names[j]))
    return sorted(found, key=lambda conflict: -conflict[0])


def _told(conflicts: Sequence[tuple[float, str, str]], n: int) -> str:
    (rate, first, second), *others = conflicts
    worst = (
        f"{first!r} and {second!r} had a cosine below {MARKED_COSINE} in {rate:.0%} of "
        f"{n} measurements"
    )
    if not others:
        return worst
    is_one = len(others) == 1
    return f"{worst}, and {len(others)} other {'pair' if is_one else 'pairs'} in fewer"
