"""Weights trained to bring the weighted losses to one size."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_not_negative, check_positive
from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss._training_rates import weights_after_step
from keras_multiloss.weighting._weighting import (
    State,
    StateVariable,
    Weighting,
    for_each_term,
    positive,
)


@serializable
class ResidualNormWeighting(Weighting):
    r"""Weights trained to bring the weighted losses to one size, larger for terms that lag behind.

    $$\min_w \sum_t \left| w_t \ell_t - m\, r_t^\alpha \right|,\quad
    m = \frac1T \sum_t w_t \ell_t,\quad
    r_t = \frac{\ell_t / \ell_t^{(0)}}{\frac1T \sum_s \ell_s / \ell_s^{(0)}},\quad
    \sum_t w_t = T$$

    where $\ell^{(0)}$ are the first losses, and the target $m\, r_t^\alpha$ counts as constant. It
    is `kml.aggregation.GradNorm` with losses in place of the lengths of gradients, and so costs no
    pass through the model. All weights are 1 at the first step. A training step uses the current
    weights, and updates them for the next one as `GradNorm` does:

    $$w_t \leftarrow w_t \exp\left(-\eta\, \frac{w_t \ell_t}{m}
    \operatorname{sign}(w_t \ell_t - m\, r_t^\alpha)\right)$$

    In PhysicsNeMo, where the rule comes from, the optimizer of the model trains $\log w$, and $m$
    is the mean of the losses without their weights. Weights with a sum of $T$ cannot reach that
    target where the losses differ much.

    Args:
        alpha: strength of the pull towards a common training rate, 0 or more. With 0 all weighted
            losses get the same size.
        learning_rate: $\eta$, above 0.

    Raises:
        ValueError: if `alpha` is negative or `learning_rate` not positive.

    Example:
        >>> import keras_multiloss as kml
        >>> terms = kml.LossTerm("mse", "age") + kml.LossTerm("mae", "height")
        >>> loss = kml.WeightedSumLoss(terms, weighting="residual_norm")

    References:
        NVIDIA, "PhysicsNeMo Sym", loss aggregator `ResNorm` of Nandi, Van Essendelft and Nabian,
        2022. Chen et al., "GradNorm: gradient normalization for adaptive loss balancing in deep
        multitask networks", ICML 2018.
    """

    def __init__(self, *, alpha: float = 1.0, learning_rate: float = 0.025) -> None:
        where = type(self).__name__
        self.alpha = check_not_negative(where, "alpha", alpha)
        self.learning_rate = check_positive(where, "learning_rate", learning_rate)

    def initial_state(self, names: list[str]) -> dict[str, StateVariable]:
        return {
            "weight": StateVariable(for_each_term(names, 1.0)),
            "next_weight": StateVariable(for_each_term(names, 1.0)),
            "first": StateVariable(for_each_term(names, 0.0)),
        }

    def advance(self, losses: Any, state: State) -> State:
        losses = positive(losses)
        first = ops.where(state["first"] > 0, state["first"], losses)
        weight = state["next_weight"]
        trained = weights_after_step(
            weight, losses, losses / first, alpha=self.alpha, learning_rate=self.learning_rate
        )
        return {**state, "weight": weight, "next_weight": trained, "first": first}

    def weights(self, losses: Any, state: State) -> Any:  # noqa: ARG002 (of the interface)
        return state["weight"]
