"""Weights drawn anew at each step."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_seed
from keras_multiloss._platform import normal, softmax
from keras_multiloss._saving import serializable
from keras_multiloss.aggregation._aggregator import Aggregator, State, step_of


@serializable
class Random(Aggregator):
    r"""Weights drawn anew at each training step (RGW).

    $$w = \operatorname{softmax}(z),\quad z_i \sim N(0, 1)$$

    They sum to 1. A plain baseline that more elaborate rules have to beat. Each draw is a
    function of the seed and the step, so that a run continues from a file with the same draws,
    on the same backend; others draw other numbers. `kml.weighting.RandomLossWeighting` does the
    same to losses.

    Args:
        seed: an integer, 0 or more; by default one that `keras.utils.set_random_seed` determines.

    Raises:
        TypeError: if the seed is not an integer.
        ValueError: if the seed is out of range.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> weights = kml.aggregation.Random(seed=3).weights(np.eye(2))
        >>> round(float(weights[0] + weights[1]), 4)
        1.0

    References:
        Lin et al., "Reasonable effectiveness of random weighting: a litmus test for
        multi-task learning", TMLR 2022.
    """

    def __init__(self, seed: int | None = None) -> None:
        self.seed = check_seed(type(self).__name__, seed)

    def weights(self, gramian: Any, state: State | None = None) -> Any:
        return softmax(normal((gramian.shape[0],), seed=self.seed, step=step_of(state)))
