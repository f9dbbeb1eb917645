"""Weights by how fast each loss fell over the last two epochs."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_positive
from keras_multiloss._platform import ops, softmax
from keras_multiloss._saving import serializable
from keras_multiloss.weighting._weighting import (
    State,
    StateVariable,
    Weighting,
    for_each_term,
    n_terms_of,
    positive,
)


@serializable
class DynamicWeightAverage(Weighting):
    r"""Weights by how fast each loss fell over the last two epochs (DWA).

    $$w = T \operatorname{softmax}(r/\tau),\quad
    r_t = \frac{\bar\ell_t(e-1)}{\bar\ell_t(e-2)}$$

    where $\bar\ell_t(e)$ is the mean of the training losses of epoch $e$, so that tasks whose loss
    fell less count for more. All weights are 1 during the first two epochs. An epoch is what
    the `loss` in Keras's log is a mean over. `train_on_batch` of Keras 3 starts that mean anew
    with every batch, which is then an epoch of its own.

    Args:
        temperature: $\tau > 0$; the higher, the more alike the weights.

    Raises:
        ValueError: if the temperature is not positive.

    Example:
        >>> import keras_multiloss as kml
        >>> terms = kml.LossTerm("mse", "age") + kml.LossTerm("mae", "height")
        >>> loss = kml.WeightedSumLoss(terms, weighting="dynamic_weight_average")

    References:
        Liu, Johns and Davison, "End-to-end multi-task learning with attention", CVPR 2019.
    """

    def __init__(self, *, temperature: float = 2.0) -> None:
        self.temperature = check_positive(type(self).__name__, "temperature", temperature)

    def initial_state(self, names: list[str]) -> dict[str, StateVariable]:
        slots = ("sum", "n_steps", "last", "before_last", "n_epochs")
        return {slot: StateVariable(for_each_term(names, 0.0)) for slot in slots}

    def start_epoch(self, state: State) -> State:
        has_steps = state["n_steps"] > 0
        mean = state["sum"] / ops.maximum(state["n_steps"], 1.0)
        zeros = ops.zeros_like(mean)
        return {
            **state,
            "sum": zeros,
            "n_steps": zeros,
            "last": ops.where(has_steps, mean, state["last"]),
            "before_last": ops.where(has_steps, state["last"], state["before_last"]),
            "n_epochs": state["n_epochs"] + ops.cast(has_steps, "float32"),
        }

    def advance(self, losses: Any, state: State) -> State:
        return {**state, "sum": state["sum"] + losses, "n_steps": state["n_steps"] + 1.0}

    def weights(self, losses: Any, state: State) -> Any:
        ratio = positive(state["last"]) / positive(state["before_last"])
        # A term that has not been there for two epochs counts as one that does not fall.
        ratio = ops.where(state["n_epochs"] >= 2.0, ratio, ops.ones_like(ratio))
        return n_terms_of(losses) * softmax(ratio / self.temperature)
