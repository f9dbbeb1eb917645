"""Weights drawn anew at each step."""

from __future__ import annotations

from typing import Any, Literal

from keras_multiloss._checks import check_choice, check_seed
from keras_multiloss._platform import normal, ops, softmax, uniform
from keras_multiloss._saving import serializable
from keras_multiloss.weighting._weighting import (
    State,
    StateVariable,
    Weighting,
    for_each_term,
)

Distribution = Literal["normal", "dirichlet"]


@serializable
class RandomLossWeighting(Weighting):
    r"""Weights drawn anew at each training step (RLW).

    $$w = \operatorname{softmax}(z),\; z_t \sim N(0, 1)
    \qquad\text{or}\qquad w \sim \operatorname{Dirichlet}(1, \dots, 1)$$

    They sum to 1. A plain baseline that more elaborate rules have to beat. Each draw is a
    function of the seed and the step, so that a run continues from a file with the same draws,
    on the same backend; others draw other numbers. Evaluation uses the weights of the last
    training step.

    Args:
        distribution: `"normal"`, the softmax of normal numbers, or `"dirichlet"`.
        seed: an integer, 0 or more; by default one that `keras.utils.set_random_seed` determines.

    Raises:
        TypeError: if the seed is not an integer.
        ValueError: for an unknown distribution, or a seed out of range.

    Example:
        >>> import keras_multiloss as kml
        >>> terms = kml.LossTerm("mse", "age") + kml.LossTerm("mae", "height")
        >>> weighting = kml.weighting.RandomLossWeighting("dirichlet", seed=3)
        >>> loss = kml.WeightedSumLoss(terms, weighting=weighting)

    References:
        Lin et al., "Reasonable effectiveness of random weighting: a litmus test for
        multi-task learning", TMLR 2022.
    """

    def __init__(self, distribution: Distribution = "normal", *, seed: int | None = None) -> None:
        where = type(self).__name__
        check_choice(where, "distribution", distribution, ["normal", "dirichlet"])
        self.distribution = distribution
        self.seed = check_seed(where, seed)

    def initial_state(self, names: list[str]) -> dict[str, StateVariable]:
        return {"weight": StateVariable(for_each_term(names, 1.0 / len(names)))}

    def advance(self, losses: Any, state: State) -> State:
        n_terms = losses.shape[0]
        draw = {"seed": self.seed, "step": state["step"]}
        if self.distribution == "dirichlet":
            exponential = -ops.log(uniform((n_terms,), **draw))
            weight = exponential / ops.sum(exponential)
        else:
            weight = softmax(normal((n_terms,), **draw))
        return {**state, "weight": weight}

    def weights(self, losses: Any, state: State) -> Any:  # noqa: ARG002 (of the interface)
        return state["weight"]
