"""Each task gradient turned towards the others, to be as near to them as on average."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_multiloss._checks import check_between, check_seed
from keras_multiloss._platform import ops, uniform
from keras_multiloss._saving import serializable
from keras_multiloss.aggregation._aggregator import Aggregator, State
from keras_multiloss.aggregation._geometry import Geometry, identity_like, in_double_precision

#: The greatest cosine that is asked for: to turn a gradient into another one takes an infinite
#: multiple of that.
MAX_TARGET = 1 - 1e-6

#: What counts as a gradient that the others have cancelled, as a square of its length.
CANCELLED = 1e-12


@serializable
class GradVac(Aggregator):
    r"""Each task gradient turned towards the others, until it is as near to them as usual.

    For each task $i$, and each other task $j$ in random order,

    $$g'_i \mathrel{+}= \frac{\lVert g'_i \rVert \left(\hat\varphi_{ij} \sqrt{1 - \varphi_{ij}^2}
    - \varphi_{ij} \sqrt{1 - \hat\varphi_{ij}^2}\right)}
    {\lVert g_j \rVert \sqrt{1 - \hat\varphi_{ij}^2}}\, g_j
    \quad\text{if } \varphi_{ij} < \hat\varphi_{ij},\qquad
    \hat\varphi_{ij} \leftarrow (1 - \beta) \hat\varphi_{ij} + \beta \varphi_{ij}$$

    where $\varphi_{ij}$ is the cosine between $g'_i$, as altered so far, and $g_j$. The result is
    the sum of all $g'_i$. The targets start at 0, where the rule is `PCGrad`. The random order is
    a function of the seed and the step, so that a run continues from a file with the same orders,
    on the same backend; others draw other numbers.

    Args:
        beta: share of a step in the running averages, from 0 to 1; 0.01 in the paper, 0.5 in
            other libraries.
        seed: an integer, 0 or more; by default one that `keras.utils.set_random_seed` determines.

    Raises:
        ValueError: if an argument is out of range.
        TypeError: if the seed is not an integer.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> gradient = kml.aggregation.GradVac()(np.array([[-4.0, 1.0], [6.0, 1.0]]))
        >>> [round(float(x), 4) for x in gradient]
        [0.318, 3.9746]

    References:
        Wang et al., "Gradient vaccine: investigating and improving multi-task optimization in
        massively multilingual models", ICLR 2021.
    """

    def __init__(self, beta: float = 0.01, seed: int | None = None) -> None:
        self.beta = check_between(type(self).__name__, "beta", beta, 0.0, 1.0)
        self.seed = check_seed(type(self).__name__, seed)

    def initial_state(self, n_tasks: int, n_parameters: int) -> dict[str, Any]:
        del n_parameters
        return {
            "targets": np.zeros((n_tasks, n_tasks), "float32"),
            "weights": np.zeros(n_tasks, "float32"),
        }

    def advance(self, gradients: Any, losses: Any, state: State) -> State:
        del losses
        n_tasks = gradients.shape[0]
        drawn = uniform((n_tasks, n_tasks), seed=self.seed, step=state["step"])
        found = self._found_in_order(gradients, (ops.argsort(drawn, axis=1), state["targets"]))
        return {**state, "targets": found[:-1], "weights": found[-1]}

    @in_double_precision
    def _found_in_order(self, gramian: Any, orders_and_targets: Any) -> Any:
        """The targets after the step, and as a last row the weights.

        Task $i$ meets the others in the order of row $i$.
        """
        orders, targets = orders_and_targets
        geometry = Geometry.of(gramian)
        n_tasks = gramian.shape[0]
        identity = identity_like(gramian)
        v, targets = identity, ops.cast(targets, gramian.dtype)
        for place in range(n_tasks):
            met = ops.cast(ops.one_hot(orders[:, place], n_tasks), gramian.dtype) * (1.0 - identity)
            v, targets = self._turned(v, targets, met, geometry)
        v = ops.sum(v * ops.expand_dims(geometry.norms, 1), axis=0)
        return ops.concatenate([targets, ops.expand_dims(geometry.weights(v), 0)], axis=0)

    def _turned(self, v: Any, targets: Any, met: Any, geometry: Geometry) -> tuple[Any, Any]:
        """Each gradient turned towards the one that it meets, and the targets after that.

        Rows of `v` are in lengths of the gradients that they were at first.
        """
        products = ops.matmul(v, geometry.cosines)
        square = ops.sum(products * v, axis=1, keepdims=True)
        is_there = square > CANCELLED
        length = ops.sqrt(ops.where(is_there, square, ops.ones_like(square)))
        cosine = _within_one(ops.sum(products * met, axis=1, keepdims=True) / length)
        target = ops.sum(targets * met, axis=1, keepdims=True)
        reached = ops.where(target < MAX_TARGET, target, ops.full_like(target, MAX_TARGET))
        step = length * (reached * _sine(cosine) / _sine(reached) - cosine)
        step = ops.where(cosine < target, step, ops.zeros_like(step))
        # Nothing is learned from a gradient that is 0.
        is_met = ops.logical_and(is_there, ops.logical_not(geometry.is_zero))
        met = ops.where(is_met, met, ops.zeros_like(met))
        return v + step * met, targets + self.beta * (cosine - target) * met

    def weights(self, gramian: Any, state: State | None = None) -> Any:
        if state is None:
            state = self.advance(gramian, None, self.starting_state(gramian.shape[0], 1))
        return state["weights"]


def _within_one(cosine: Any) -> Any:
    """A cosine that rounding may have taken beyond 1."""
    return ops.where(ops.abs(cosine) <= 1, cosine, ops.sign(cosine))


def _sine(cosine: Any) -> Any:
    return ops.sqrt(1.0 - cosine * cosine)
