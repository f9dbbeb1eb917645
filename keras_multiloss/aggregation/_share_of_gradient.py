"""A stated share of the combined gradient for each task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_multiloss._checks import check_between, check_positive
from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.aggregation._aggregator import Aggregator, State
from keras_multiloss.aggregation._geometry import in_double_precision
from keras_multiloss.aggregation._preference import check_preference, preference_shares

if TYPE_CHECKING:
    from collections.abc import Sequence


@serializable
class ShareOfGradient(Aggregator):
    r"""A stated share of the gradient for each task, whatever the scale of its loss.

    $$d = R \sum_i \frac{s_i}{\sum_j s_j} \cdot \frac{g_i}{\bar n_i}$$

    where $\bar n_i$ is the running average of $\lVert g_i \rVert$, corrected for its start at 0.
    On average task $i$ adds a vector of length $R\, s_i / \sum_j s_j$. The weight of a
    term then says how much it counts, not what the unit of its loss is.

    By default $R = \sum_i \bar n_i$: the tasks share the length that their gradients have together,
    and shares in the proportion that these lengths have anyway give the plain sum. EnCodec has
    $R = 1$. It takes the gradients at the output of the model, with the mean of their lengths over
    the samples; here they are those of the shared parameters.

    Args:
        shares: a positive number for each task, in their order; by default all count alike.
        total_norm: $R$, above 0; `None` is the sum of the average lengths. A number sets the length
            of the step, so leave it out under the policy `mixed_float16`: the step would be
            divided by the scale of the loss. Optimizers such as Adam do not notice $R$.
        beta: share of the past in the running averages, from 0 up to, but not including, 1.

    Raises:
        TypeError: if the shares are not a list of numbers.
        ValueError: if an argument is out of range; when it is used, if there is not one share for
            each task.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> rule = kml.aggregation.ShareOfGradient([3.0, 1.0])
        >>> gradient = rule(np.array([[2.0, 0.0], [0.0, 8.0]]))
        >>> [round(float(x), 4) for x in gradient]
        [7.5, 2.5]

    References:
        Défossez et al., "High fidelity neural audio compression", TMLR 2023.
    """

    def __init__(
        self,
        shares: Sequence[float] | None = None,
        *,
        total_norm: float | None = None,
        beta: float = 0.999,
    ) -> None:
        where = type(self).__name__
        self.shares = check_preference(where, shares, argument="shares")
        is_given = total_norm is not None
        self.total_norm = check_positive(where, "total_norm", total_norm) if is_given else None
        self.beta = check_between(where, "beta", beta, 0.0, 1.0 - 1e-6)

    def initial_state(self, n_tasks: int, n_parameters: int) -> dict[str, Any]:
        del n_parameters
        return {"lengths": np.zeros(n_tasks, "float32"), "mass": np.zeros((), "float32")}

    def advance(self, gradients: Any, losses: Any, state: State) -> State:
        del losses
        lengths = ops.sqrt(ops.diagonal(ops.convert_to_tensor(gradients)))
        return {
            **state,
            "lengths": self.beta * state["lengths"] + (1.0 - self.beta) * lengths,
            "mass": self.beta * state["mass"] + (1.0 - self.beta),
        }

    @in_double_precision
    def weights(self, gramian: Any, state: State | None = None) -> Any:
        shares = preference_shares(self.shares, gramian, type(self).__name__, argument="shares")
        usual = ops.sqrt(ops.diagonal(gramian))
        if state is not None:
            usual = ops.cast(state["lengths"], gramian.dtype) / ops.cast(
                state["mass"], gramian.dtype
            )
        total = ops.sum(usual) if self.total_norm is None else self.total_norm
        is_there = usual > 0
        weights = total * shares / ops.where(is_there, usual, ops.ones_like(usual))
        return ops.where(is_there, weights, ops.zeros_like(weights))
