"""The bargain that no task would change."""

from __future__ import annotations

from typing import Any

from keras_multiloss._saving import serializable
from keras_multiloss.aggregation._aggregator import Aggregator, State
from keras_multiloss.aggregation._equilibrium import solve_equilibrium
from keras_multiloss.aggregation._geometry import in_double_precision


@serializable
class NashMTL(Aggregator):
    r"""The bargaining solution of Nash, where tasks negotiate the step.

    $$\frac{G}{\lVert G \rVert_F}\, w = \frac1w$$

    It maximises the product of all tasks' progress, in which the lengths of the gradients do not
    matter. Dividing by the norm of the Gramian, as the authors' code does, keeps the scale of the
    gradients: the paper's own equation gives a step of length $\sqrt T$ whatever they are.
    Solved by Newton's method to the last digits. The authors' code weighs the heads, too; here
    each head keeps the gradient of its own loss.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> gramian = np.array([[1.0, 0.0], [0.0, 4.0]])
        >>> weights = kml.aggregation.NashMTL().weights(gramian)
        >>> round(float(weights[0] / weights[1]), 4)
        2.0

    References:
        Navon et al., "Multi-task learning as a bargaining game", ICML 2022.
    """

    @in_double_precision
    def weights(self, gramian: Any, state: State | None = None) -> Any:  # noqa: ARG002
        return solve_equilibrium(gramian, alpha=1.0)
