"""Weights that make the losses equal, learned with the model."""

from __future__ import annotations

from typing import Any

from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.weighting._weighting import State, StateVariable, Weighting, for_each_term


@serializable
class ImpartialLossWeighting(Weighting):
    r"""Weights that bring all losses to the same size (IMTL-L).

    $$L = \sum_t e^{s_t}\, \ell_t - s_t$$

    with one trained number $s_t$ for each term. Where the penalty and the loss balance,
    $e^{s_t} \ell_t = 1$. The optimizer of the model trains $s_t$, with its learning rate.
    Losses must be positive: at zero, $s_t$ would grow without bound.

    Example:
        >>> import keras_multiloss as kml
        >>> terms = kml.LossTerm("mse", "age") + kml.LossTerm("mae", "height")
        >>> loss = kml.WeightedSumLoss(terms, weighting="impartial_loss")

    References:
        Liu et al., "Towards impartial multi-task learning", ICLR 2021.
    """

    has_penalty = True

    def initial_state(self, names: list[str]) -> dict[str, StateVariable]:
        return {"scale": StateVariable(for_each_term(names, 0.0), trainable=True)}

    def weights(self, losses: Any, state: State) -> Any:  # noqa: ARG002 (of the interface)
        return ops.exp(state["scale"])

    def penalty(self, losses: Any, state: State) -> Any:  # noqa: ARG002 (of the interface)
        return -ops.sum(state["scale"])
