"""Weights by the slope of each loss."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_bool, check_positive
from keras_multiloss._platform import ops, softmax
from keras_multiloss._saving import serializable
from keras_multiloss.weighting._weighting import (
    State,
    StateVariable,
    Weighting,
    for_each_term,
    positive,
)


@serializable
class SoftAdaptWeighting(Weighting):
    r"""Weights by the slope of each loss, so that losses that rise count for more.

    $$w = \operatorname{softmax}(s/\tau),\quad s_t = \ell_t - \ell_t'$$

    where $\ell_t'$ is the loss of the step before. The weights sum to 1; before the second
    step they are equal.

    The authors' code has $\beta = 0.1$, which is `temperature=10.0`; the default here is 1.

    Args:
        temperature: $\tau > 0$, one over the paper's $\beta$.
        normalized: whether the slopes are divided by the sum of their sizes, so that the
            units of the losses do not matter.
        loss_weighted: whether each weight is multiplied by its loss before the weights are
            divided by their sum.

    Raises:
        ValueError: if the temperature is not positive.

    Example:
        >>> import keras_multiloss as kml
        >>> terms = kml.LossTerm("mse", "age") + kml.LossTerm("mae", "height")
        >>> weighting = kml.weighting.SoftAdaptWeighting(normalized=True)
        >>> loss = kml.WeightedSumLoss(terms, weighting=weighting)

    References:
        Heydari, Thompson and Mehmood, "SoftAdapt: techniques for adaptive loss weighting of
        neural networks with multi-part loss functions", arXiv:1912.12355, 2019.
    """

    def __init__(
        self,
        *,
        temperature: float = 1.0,
        normalized: bool = False,
        loss_weighted: bool = False,
    ) -> None:
        where = type(self).__name__
        self.temperature = check_positive(where, "temperature", temperature)
        self.normalized = check_bool(where, "normalized", normalized)
        self.loss_weighted = check_bool(where, "loss_weighted", loss_weighted)

    def initial_state(self, names: list[str]) -> dict[str, StateVariable]:
        return {
            slot: StateVariable(for_each_term(names, 0.0)) for slot in ("last", "slope", "is_known")
        }

    def advance(self, losses: Any, state: State) -> State:
        slope = ops.where(state["is_known"] > 0, losses - state["last"], ops.zeros_like(losses))
        return {**state, "last": losses, "slope": slope, "is_known": ops.ones_like(losses)}

    def weights(self, losses: Any, state: State) -> Any:
        slope = state["slope"]
        if self.normalized:
            slope = slope / positive(ops.sum(ops.abs(slope)))
        weights = softmax(slope / self.temperature)
        if not self.loss_weighted:
            return weights
        weighted = weights * positive(losses)
        return weighted / ops.sum(weighted)
