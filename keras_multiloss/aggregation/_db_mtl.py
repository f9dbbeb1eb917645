"""Running averages of the gradients of log losses, brought to one length."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_multiloss._checks import check_between, check_not_negative
from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.aggregation._aggregator import Aggregator, State
from keras_multiloss.aggregation._positive_losses import losses_above_zero


@serializable
class DBMTL(Aggregator):
    r"""Running averages of the gradients of log losses, brought to the length of the longest.

    $$\hat g_i \leftarrow \beta_k \hat g_i + (1 - \beta_k) \frac{g_i}{L_i},\qquad
    d = \max_j \lVert \hat g_j \rVert \sum_i \frac{\hat g_i}{\lVert \hat g_i \rVert},\qquad
    \beta_k = \frac{\beta}{k^\sigma}$$

    in training step $k = 1, 2, \dots$, from averages of 0. Losses must be positive; those below
    1e-8 count as 1e-8. The rule keeps an array of the size of the Jacobian. In the paper the log
    losses train the heads, too; here each head keeps the gradient of its own loss.

    Args:
        beta: share of the past in the averages, from 0 to 1.
        decay: $\sigma$, 0 or more; 0 and 0.5 in the paper. Above 0, the past counts less as
            training goes on. In short trainings with Adam, which averages gradients itself,
            `beta=0.0` or `decay=0.5` do better than the defaults.

    Raises:
        ValueError: if an argument is out of range, or the rule is called without losses.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> rule = kml.aggregation.DBMTL(beta=0.0)
        >>> gradient = rule(np.array([[-4.0, 0.0], [0.0, 6.0]]), losses=[1.0, 3.0])
        >>> [float(x) for x in gradient]
        [-4.0, 4.0]

    References:
        Lin et al., "Dual-balancing for multi-task learning", arXiv:2308.12029, 2023.
    """

    needs_jacobian = True
    needs_losses = True

    def __init__(self, beta: float = 0.9, decay: float = 0.0) -> None:
        self.beta = check_between(type(self).__name__, "beta", beta, 0.0, 1.0)
        self.decay = check_not_negative(type(self).__name__, "decay", decay)

    def initial_state(self, n_tasks: int, n_parameters: int) -> dict[str, Any]:
        return {"averages": np.zeros((n_tasks, n_parameters), "float32")}

    def advance(self, gradients: Any, losses: Any, state: State) -> State:
        of_logs = gradients / ops.expand_dims(losses_above_zero(type(self).__name__, losses), 1)
        beta = self.beta / ops.power(ops.cast(state["step"], "float32") + 1.0, self.decay)
        return {**state, "averages": beta * state["averages"] + (1.0 - beta) * of_logs}

    def combine(self, jacobian: Any, state: State | None = None) -> Any:
        if state is None:
            return self(jacobian)
        averages = state["averages"]
        lengths = ops.sqrt(ops.sum(ops.square(averages), axis=1, keepdims=True))
        # Directions first: the longest over the shortest might overflow.
        directions = averages / ops.where(lengths > 0, lengths, ops.ones_like(lengths))
        return ops.max(lengths) * ops.sum(directions, axis=0)
