"""What the Gramian of task gradients says about them, in NumPy.

Functions take one Gramian `(T, T)` or a stack of them `(..., T, T)`. What cannot be known is
NaN: the cosines of a gradient that is 0, and all of a Gramian that is not finite.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Rounding to float32 turns gradients that are orthogonal by about this cosine.
ROUNDING = 1e-6


def norms_of(gramians: Any) -> Any:
    """The lengths of the gradients, `(..., T)`."""
    return np.sqrt(np.diagonal(_known(gramians), axis1=-2, axis2=-1))


def cosines_of(gramians: Any) -> Any:
    """The cosines between the gradients, `(..., T, T)`."""
    norms = norms_of(gramians)
    lengths = np.where(norms > 0, norms, np.nan)
    cosines = _known(gramians) / (lengths[..., :, None] * lengths[..., None, :])
    return np.clip(cosines, -1.0, 1.0)


def conflict_rate(cosines: Any) -> Any:
    """The share of the pairs with a known cosine for which it is negative, `(...)`."""
    pairs = np.triu_indices(cosines.shape[-1], k=1)
    known = cosines[(..., *pairs)]
    return mean_of_known(np.where(np.isnan(known), np.nan, known < -ROUNDING), axis=-1)


def mean_of_known(values: Any, axis: int = 0) -> Any:
    """The mean along an axis of what is not NaN; NaN where nothing is known."""
    return np.ma.filled(np.ma.masked_invalid(values).mean(axis=axis), np.nan)


def mean_logs(logs: Sequence[dict[str, float]]) -> dict[str, float]:
    """The mean of what is known of each number in logs of the same names."""
    return {k: float(mean_of_known([entry[k] for entry in logs])) for k in logs[0]}


def scalars(names: Sequence[str], gramian: Any, weights: Any = None) -> dict[str, float]:
    """What one measurement puts into a log.

    Args:
        names: of the tasks.
        gramian: of their gradients, `(T, T)`.
        weights: of their gradients, `(T,)`, if a rule gives any.
    """
    cosines = cosines_of(gramian)
    pairs = combinations(range(len(names)), 2)
    logs = {f"cosine/{names[i]},{names[j]}": cosines[i, j] for i, j in pairs}
    logs |= {f"gradient_norm/{k}": x for k, x in zip(names, norms_of(gramian), strict=True)}
    if weights is not None:
        logs |= {f"gradient_weight/{k}": x for k, x in zip(names, weights, strict=True)}
    logs["conflict_rate"] = conflict_rate(cosines)
    return {name: float(value) for name, value in logs.items()}


def _known(gramians: Any) -> Any:
    """Gramians in float64, NaN where one is not finite."""
    gramians = np.asarray(gramians, "float64")
    is_finite = np.isfinite(gramians).all(axis=(-2, -1), keepdims=True)
    return np.where(is_finite, gramians, np.nan)
