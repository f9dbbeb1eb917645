"""More weight for tasks that are farther from convergence."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_multiloss._checks import check_positive
from keras_multiloss._platform import ops, weighted_sum
from keras_multiloss._saving import serializable
from keras_multiloss.aggregation._aggregator import Aggregator, State


@serializable
class ExcessMTL(Aggregator):
    r"""More weight for tasks that are farther from convergence.

    $$S_i \leftarrow S_i + g_i \odot g_i,\qquad
    e_i = \sum_k \frac{g_{ik}^2}{\sqrt{S_{ik}}},\qquad
    w_i \propto w_i \exp\left(\eta\, \frac{e_i}{e_i(0)}\right),\qquad \sum_i w_i = 1$$

    $e$ estimates by how much a loss exceeds the least one that is possible. Unlike the loss, it
    does not reward noise in the labels. It is divided by the first estimate $e(0)$ that is not 0,
    where the paper takes the mean of three epochs. Other implementations divide from the second
    step on only, so that the scale of the losses decides how the first step changes the weights.
    The weights sum to 1, as in the paper; code whose weights sum to $T$ takes steps $T$ times as
    long.
    The rule keeps an array of the size of the Jacobian. In the paper the weights multiply the
    losses, heads included; here each head keeps the gradient of its own loss.

    Args:
        learning_rate: $\eta$, above 0.

    Raises:
        ValueError: if `learning_rate` is not positive.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> rule = kml.aggregation.ExcessMTL()
        >>> gradient = rule(np.array([[-4.0, 1.0, 1.0], [6.0, 1.0, 1.0]]))
        >>> [round(float(x), 4) for x in gradient]
        [1.0, 1.0, 1.0]

    References:
        He et al., "Robust multi-task learning with excess risks", ICML 2024.
    """

    needs_jacobian = True

    def __init__(self, learning_rate: float = 0.01) -> None:
        self.learning_rate = check_positive(type(self).__name__, "learning_rate", learning_rate)

    def initial_state(self, n_tasks: int, n_parameters: int) -> dict[str, Any]:
        return {
            "sums_of_squares": np.zeros((n_tasks, n_parameters), "float32"),
            "first_excess": np.zeros(n_tasks, "float32"),
            "log_weights": np.full(n_tasks, -np.log(n_tasks), "float32"),
        }

    def advance(self, gradients: Any, losses: Any, state: State) -> State:
        del losses
        squares = ops.square(gradients)
        sums = state["sums_of_squares"] + squares
        roots = ops.sqrt(ops.where(sums > 0, sums, ops.ones_like(sums)))
        excess = ops.sum(squares / roots, axis=1)
        first = state["first_excess"]
        first = ops.where(first > 0, first, excess)
        relative = excess / ops.where(first > 0, first, ops.ones_like(first))
        # The weights themselves would overflow, or end at 0 for good.
        log_weights = ops.log_softmax(state["log_weights"] + self.learning_rate * relative)
        return {
            **state,
            "sums_of_squares": sums,
            "first_excess": first,
            "log_weights": log_weights,
        }

    def combine(self, jacobian: Any, state: State | None = None) -> Any:
        if state is None:
            return self(jacobian)
        return weighted_sum(ops.exp(state["log_weights"]), jacobian)
