"""A fair share of progress for each task, between the sum and the worst."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_positive
from keras_multiloss._saving import serializable
from keras_multiloss.aggregation._aggregator import Aggregator, State
from keras_multiloss.aggregation._equilibrium import solve_equilibrium
from keras_multiloss.aggregation._geometry import in_double_precision


@serializable
class FairGrad(Aggregator):
    r"""Alpha-fair shares of progress.

    $$\frac{G}{\lVert G \rVert_F}\, w = w^{-1/\alpha}$$

    With $\alpha = 1$ it is `NashMTL`; a greater $\alpha$ cares more for the task that
    progresses least. Dividing by the norm of the Gramian keeps the scale of the gradients.
    Solved by Newton's method to the last digits.

    Args:
        alpha: fairness, above 0; 1 to 2 in the paper.

    Raises:
        ValueError: if `alpha` is not positive.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> gramian = np.array([[1.0, 0.0], [0.0, 8.0]])
        >>> weights = kml.aggregation.FairGrad(alpha=2.0).weights(gramian)
        >>> round(float(weights[0] / weights[1]), 4)
        4.0

    References:
        Ban and Ji, "Fair resource allocation in multi-task learning", ICML 2024.
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = check_positive(type(self).__name__, "alpha", alpha)

    @in_double_precision
    def weights(self, gramian: Any, state: State | None = None) -> Any:  # noqa: ARG002
        return solve_equilibrium(gramian, alpha=self.alpha)
