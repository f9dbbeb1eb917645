"""MGDA on running averages of the gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_multiloss._checks import check_between, check_not_negative, check_positive
from keras_multiloss._platform import inner_products, ops, weighted_sum
from keras_multiloss._saving import serializable
from keras_multiloss.aggregation._aggregator import Aggregator, State


@serializable
class MoCo(Aggregator):
    r"""One step towards MGDA's weights at a time, on running averages of the gradients.

    $$Y \leftarrow Y - \beta (Y - J),\qquad
    \lambda \leftarrow \Pi\left(\lambda - \gamma \left(\tfrac1s Y Y^\top + \rho I\right)
    \lambda\right),\qquad d = Y^\top \lambda$$

    where $\Pi$ is the projection onto the weights that are 0 or more and sum to 1. The weights
    that `MGDA` finds for noisy gradients are biased; averages have less noise. $s$ is the mean of
    the squared lengths in $Y$: in the paper $s = 1$, with which the scale of the losses would
    change the weights. The authors' code averages gradients rescaled to the length of their
    losses, with a softmax in place of $\Pi$; this is the paper's algorithm without its bound on
    the length of the averages, and with constant $\beta$ and $\gamma$, where the paper lets both
    fall as $k^{-1/2}$ in step $k$. The rule keeps an array of the size of the Jacobian.

    Args:
        beta: share of a step in the averages, above 0 and up to 1. They start at 0.
        gamma: step size of the weights, above 0.
        rho: pull towards equal weights, 0 or more.

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> rule = kml.aggregation.MoCo(beta=1.0)
        >>> gradient = rule(np.array([[-4.0, 1.0, 1.0], [6.0, 1.0, 1.0]]))
        >>> [round(float(x), 4) for x in gradient]
        [0.8214, 1.0, 1.0]

    References:
        Fernando et al., "Mitigating gradient bias in multi-objective learning: a provably
        convergent approach", ICLR 2023.
    """

    needs_jacobian = True

    def __init__(self, beta: float = 0.5, gamma: float = 0.1, rho: float = 0.0) -> None:
        where = type(self).__name__
        self.beta = check_between(where, "beta", check_positive(where, "beta", beta), 0.0, 1.0)
        self.gamma = check_positive(where, "gamma", gamma)
        self.rho = check_not_negative(where, "rho", rho)

    def initial_state(self, n_tasks: int, n_parameters: int) -> dict[str, Any]:
        return {
            "averages": np.zeros((n_tasks, n_parameters), "float32"),
            "weights": np.full(n_tasks, 1 / n_tasks, "float32"),
        }

    def advance(self, gradients: Any, losses: Any, state: State) -> State:
        del losses
        averages = state["averages"] + self.beta * (gradients - state["averages"])
        gramian = inner_products(averages)
        size = ops.mean(ops.diagonal(gramian))
        gramian = gramian / ops.where(size > 0, size, ops.ones_like(size))
        weights = state["weights"]
        slope = ops.sum(gramian * weights, axis=1) + self.rho * weights
        moved = _onto_simplex(weights - self.gamma * slope)
        return {**state, "averages": averages, "weights": moved}

    def combine(self, jacobian: Any, state: State | None = None) -> Any:
        if state is None:
            return self(jacobian)
        return weighted_sum(state["weights"], state["averages"])


def _onto_simplex(x: Any) -> Any:
    """The vector nearest to another one that has no negative entries and sums to 1.

    It is the part of $x$ above a level. Were the $k$ largest entries the ones above it, they
    would fix it; of these levels, the highest is the right one.
    """
    descending = -ops.sort(-x)
    n_above = ops.cumsum(ops.ones_like(x), axis=0)
    level = ops.max((ops.cumsum(descending, axis=0) - 1.0) / n_above)
    return ops.where(x > level, x - level, ops.zeros_like(x))
