"""Weights that bring tasks to a common training rate, for the sizes that a rule compares."""

from __future__ import annotations

from typing import Any

from keras_multiloss._platform import ops


def weights_after_step(
    weights: Any, sizes: Any, losses: Any, *, alpha: float, learning_rate: float
) -> Any:
    r"""The weights after a step towards $w_i n_i = \bar n r_i^\alpha$; they sum to their number.

    The step is one of gradient descent on the distance in $\log w$, in units of the mean
    $\bar n$ of the weighted sizes, which counts as constant.

    Args:
        weights: $w$, before the step.
        sizes: $n$, what is compared: lengths of gradients, or losses.
        losses: those of the tasks as parts of their first ones; $r$ is this over its mean.
        alpha: how much larger a task that lags behind is to be.
        learning_rate: the length of the step.
    """
    weighted = weights * sizes
    mean = ops.mean(weighted)
    target = mean * ops.power(losses / ops.mean(losses), alpha)
    slope = ops.sign(weighted - target) * weighted / ops.where(mean > 0, mean, 1 + mean)
    trained = weights * ops.exp(-learning_rate * slope)
    return trained * (weights.shape[0] / ops.sum(trained))
