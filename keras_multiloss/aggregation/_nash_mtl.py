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
    matter. The paper's equation has no norm, and gives a step of length $\sqrt T$ however long the
    gradients are. So does the authors' code, which divides by the norm and then cuts the step to
    a length of 1, so that it takes one of length 1 always. Here the norm stays, and with it the
    scale of the gradients: training slows down as they get shorter, and loss scaling works. A
    learning rate from the paper has to be tuned again. Solved by Newton's method to the last
    digits. The authors' code weighs the heads, too; here each head keeps the gradient of its own
    loss.

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
