"""Weights trained to bring the gradients to one length."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_multiloss._checks import check_not_negative, check_positive
from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss._training_rates import weights_after_step
from keras_multiloss.aggregation._aggregator import Aggregator, State
from keras_multiloss.aggregation._positive_losses import losses_above_zero


@serializable
class GradNorm(Aggregator):
    r"""Weights trained to bring the gradients to one length, longer for tasks that lag behind.

    $$\min_w \sum_i \left| w_i n_i - \bar n\, r_i^\alpha \right|,\quad
    \bar n = \frac1T \sum_i w_i n_i,\quad
    r_i = \frac{L_i / L_i(0)}{\frac1T \sum_j L_j / L_j(0)},\quad \sum_i w_i = T$$

    where $n_i$ is the length of the gradient of task $i$, $L_i(0)$ its first loss, and the target
    $\bar n\, r_i^\alpha$ counts as constant. A training step uses the current weights, and updates
    them for the next one by a step of gradient descent, taken here in $\log w$ and with lengths in
    units of $\bar n$:

    $$w_i \leftarrow w_i \exp\left(-\eta\, \frac{w_i n_i}{\bar n}
    \operatorname{sign}(w_i n_i - \bar n\, r_i^\alpha)\right)$$

    The paper leaves the optimizer open. This one keeps weights positive when lengths are orders
    of magnitude apart, and does not depend on the scale of the losses. Losses must be positive;
    those below 1e-8 count as 1e-8. In the paper the weights multiply the losses, heads included;
    here each head keeps the gradient of its own loss.

    Args:
        alpha: strength of the pull towards a common training rate, 0 or more; 1.5 in most of the
            paper. With 0 all gradients get the same length.
        learning_rate: $\eta$, above 0.

    Raises:
        ValueError: if `alpha` is negative, `learning_rate` not positive, or the rule is called
            without losses.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> rule = kml.aggregation.GradNorm(alpha=0.0)
        >>> state = rule.starting_state(2, 1)
        >>> gramian = np.array([[1.0, 0.0], [0.0, 16.0]], "float32")
        >>> for _ in range(100):
        ...     state = rule.advance(gramian, np.array([1.0, 1.0]), state)
        >>> weights = rule.weights(gramian, state)
        >>> round(float(weights[0] / weights[1]))
        4

    References:
        Chen et al., "GradNorm: gradient normalization for adaptive loss balancing in deep
        multitask networks", ICML 2018.
    """

    needs_losses = True

    def __init__(self, alpha: float = 1.5, learning_rate: float = 0.025) -> None:
        where = type(self).__name__
        self.alpha = check_not_negative(where, "alpha", alpha)
        self.learning_rate = check_positive(where, "learning_rate", learning_rate)

    def initial_state(self, n_tasks: int, n_parameters: int) -> dict[str, Any]:
        del n_parameters
        return {
            "weights": np.ones(n_tasks, "float32"),
            "next_weights": np.ones(n_tasks, "float32"),
            "first_losses": np.zeros(n_tasks, "float32"),
        }

    def advance(self, gradients: Any, losses: Any, state: State) -> State:
        losses = losses_above_zero(type(self).__name__, losses)
        first = state["first_losses"]
        first = ops.where(first > 0, first, losses)
        weights = state["next_weights"]
        trained = weights_after_step(
            weights,
            ops.sqrt(ops.diagonal(ops.convert_to_tensor(gradients))),
            losses / first,
            alpha=self.alpha,
            learning_rate=self.learning_rate,
        )
        return {**state, "weights": weights, "next_weights": trained, "first_losses": first}

    def weights(self, gramian: Any, state: State | None = None) -> Any:
        if state is None:
            state = self.starting_state(gramian.shape[0], 1)
        return state["weights"]
