"""A running average of the weights of another rule."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_multiloss._checks import check_between, check_config
from keras_multiloss._messages import error
from keras_multiloss._platform import ops
from keras_multiloss._saving import deserialize, serializable, serialize
from keras_multiloss.aggregation._aggregator import Aggregator, State
from keras_multiloss.aggregation._aggregators_by_name import checked_aggregator

#: Before the names of what the inner rule remembers.
INNER = "inner_"


@serializable
class CRMOGM(Aggregator):
    r"""A running average of the weights of another rule.

    $$\lambda \leftarrow \beta \lambda + (1 - \beta)\, w(G)$$

    where $w$ is the inner rule, and $\lambda$ starts with its first weights. Weights and gradients
    of one batch are correlated, which biases the result; the average has little of that bias.
    In the paper, $\beta$ grows as the learning rate falls.

    Args:
        inner: an aggregator that is a function of the Gramian, or its name.
        beta: share of the past in the average, from 0 to 1.

    Raises:
        ValueError: if no rule has the name, the rule needs the Jacobian, or `beta` is out of
            range.
        TypeError: if it is not an aggregator.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> rule = kml.aggregation.CRMOGM("mgda", beta=0.5)
        >>> state = rule.starting_state(2, 1)
        >>> for square in [1.0, 3.0]:
        ...     gramian = np.array([[square, 0.0], [0.0, 1.0]], "float32")
        ...     state = rule.advance(gramian, None, state)
        >>> [round(float(x), 4) for x in rule.weights(gramian, state)]
        [0.375, 0.625]

    References:
        Zhou et al., "On the convergence of stochastic multi-objective gradient manipulation and
        beyond", NeurIPS 2022.
    """

    def __init__(self, inner: Any, beta: float = 0.9) -> None:
        where = type(self).__name__
        self.inner = checked_aggregator(where, "inner", inner)
        if self.inner.needs_jacobian:
            raise error(
                ValueError,
                where,
                "`inner` gives no weights to average",
                expected="an aggregator that is a function of the Gramian",
                received=repr(self.inner),
            )
        self.beta = check_between(where, "beta", beta, 0.0, 1.0)
        self.needs_losses = self.inner.needs_losses

    def initial_state(self, n_tasks: int, n_parameters: int) -> dict[str, Any]:
        inner = self.inner.initial_state(n_tasks, n_parameters)
        return {
            "weights": np.zeros(n_tasks, "float32"),
            "has_started": np.zeros((), "float32"),
            **{INNER + name: value for name, value in inner.items()},
        }

    def advance(self, gradients: Any, losses: Any, state: State) -> State:
        inner = {k.removeprefix(INNER): x for k, x in state.items() if k.startswith(INNER)}
        inner = self.inner.advance(gradients, losses, {**inner, "step": state["step"]})
        found = self.inner.weights(gradients, inner)
        past = ops.where(state["has_started"] > 0, state["weights"], found)
        return {
            "weights": self.beta * past + (1.0 - self.beta) * found,
            "has_started": ops.ones_like(state["has_started"]),
            "step": state["step"],
            **{INNER + name: value for name, value in inner.items() if name != "step"},
        }

    def weights(self, gramian: Any, state: State | None = None) -> Any:
        return self.inner.weights(gramian) if state is None else state["weights"]

    def get_config(self) -> dict[str, Any]:
        return {"inner": serialize(self.inner), "beta": self.beta}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> CRMOGM:
        config = check_config(cls, config, ("inner", "beta"), ("inner",))
        config["inner"] = deserialize("CRMOGM: `inner`", config["inner"], None)
        return cls(**config)
