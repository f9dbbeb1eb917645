"""Weights under which all losses fall at the same rate."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_not_negative, check_positive
from keras_multiloss._platform import ops, softmax
from keras_multiloss._saving import serializable
from keras_multiloss.weighting._weighting import (
    State,
    StateVariable,
    Weighting,
    for_each_term,
    positive,
)

#: Those of Adam's paper and of every framework.
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


@serializable
class FamoWeighting(Weighting):
    r"""Weights under which all losses fall at the same rate (FAMO).

    $$L = c \sum_t z_t \log \ell_t,\quad z = \operatorname{softmax}(\xi),\quad
    c = \Big(\sum_t z_t / \ell_t\Big)^{-1},\quad w_t = c\, z_t / \ell_t$$

    with $c$ and $z$ held constant in the gradient. At the next step the rule sees how much
    each loss fell, $\delta_t = \log\ell_t - \log\ell_t'$, and moves $\xi$ by Adam along
    $-(\partial z/\partial\xi)^\top \delta$, so that tasks whose loss fell less gain weight. The
    losses of the next batch stand in for a second forward pass over the same batch, so the rule
    costs next to nothing. The weights sum to 1. The penalty is $L - \sum_t w_t \ell_t$; it has
    no gradient.

    Args:
        learning_rate: the learning rate of Adam for $\xi$, above 0.
        weight_decay: $\gamma \ge 0$, which pulls $\xi$ towards 0.

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> import keras_multiloss as kml
        >>> terms = kml.LossTerm("mse", "age") + kml.LossTerm("mae", "height")
        >>> loss = kml.WeightedSumLoss(terms, weighting="famo")

    References:
        Liu et al., "FAMO: fast adaptive multitask optimization", NeurIPS 2023.
    """

    has_penalty = True

    def __init__(self, *, learning_rate: float = 0.025, weight_decay: float = 1e-3) -> None:
        where = type(self).__name__
        self.learning_rate = check_positive(where, "learning_rate", learning_rate)
        self.weight_decay = check_not_negative(where, "weight_decay", weight_decay)

    def initial_state(self, names: list[str]) -> dict[str, StateVariable]:
        slots = ("logit", "mean", "square", "n_moves", "last", "is_known")
        return {slot: StateVariable(for_each_term(names, 0.0)) for slot in slots}

    def advance(self, losses: Any, state: State) -> State:
        log_losses = ops.log(positive(losses))
        moved = self._moved(state["last"] - log_losses, state)
        return {**state, **moved, "last": log_losses, "is_known": ops.ones_like(losses)}

    def _moved(self, fall: Any, state: State) -> State:
        """Adam's state after a step on the logits, where the logarithms fell by `fall`."""
        z, is_known = softmax(state["logit"]), state["is_known"]
        gradient = z * (fall - ops.sum(z * fall)) + self.weight_decay * state["logit"]
        # All is 0 before a term is known, and so it stays.
        gradient = is_known * gradient
        mean = BETA_1 * state["mean"] + (1 - BETA_1) * gradient
        square = BETA_2 * state["square"] + (1 - BETA_2) * ops.square(gradient)
        n_moves = state["n_moves"] + is_known
        power = ops.maximum(n_moves, 1.0)
        unbiased = mean / (1 - ops.power(BETA_1, power))
        deviation = ops.sqrt(square / (1 - ops.power(BETA_2, power)))
        logit = state["logit"] - self.learning_rate * unbiased / (deviation + EPSILON)
        return {"logit": logit, "mean": mean, "square": square, "n_moves": n_moves}

    def weights(self, losses: Any, state: State) -> Any:
        shares = softmax(state["logit"]) / positive(losses)
        return shares / ops.sum(shares)

    def penalty(self, losses: Any, state: State) -> Any:
        z = softmax(state["logit"])
        scale = 1.0 / ops.sum(z / positive(losses))
        value = scale * ops.sum(z * ops.log(positive(losses)))
        return value - ops.sum(self.weights(losses, state) * losses)
