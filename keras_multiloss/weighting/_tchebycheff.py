"""The largest of the losses, smoothly."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_multiloss._checks import check_positive
from keras_multiloss._container_checks import check_is_dict
from keras_multiloss._platform import ops, softmax
from keras_multiloss._saving import serializable
from keras_multiloss.weighting._term_arguments import check_terms_exist
from keras_multiloss.weighting._weighting import (
    State,
    StateVariable,
    Weighting,
    for_each_term,
)


@serializable
class SmoothTchebycheffWeighting(Weighting):
    r"""The smooth maximum of how far each loss is from the best it has been (STCH).

    $$L = \mu \log \sum_t e^{\lambda_t (\ell_t - z_t)/\mu},\quad
    w_t = \lambda_t \operatorname{softmax}\left(\lambda (\ell - z)/\mu\right)_t$$

    Its minima reach the whole Pareto front, also where that is not convex. $z_t$ is the least
    training loss of a batch so far. The penalty is $L - \sum_t w_t \ell_t$; it has no gradient.

    Losses are taken in their own units. Where they are small beside $\mu$ the weights are about
    equal, where they are large the largest one gets all the weight: choose $\mu$ near the size of
    the losses, and $\lambda_t$ so that these are alike. The authors' code instead takes
    $\log(\ell_t / \text{nadir}_t)$, with nadirs from four epochs of warm-up, so that units do not
    matter, and multiplies $L$ by $T$.

    Args:
        mu: $\mu > 0$; the smaller, the nearer to the maximum.
        preferences: a dict from names of terms to $\lambda_t > 0$; 1 for the others.

    Raises:
        ValueError: if a number is not positive, or, when a sum is built with it, if a name is
            not that of a term.

    Example:
        >>> import keras_multiloss as kml
        >>> terms = kml.LossTerm("mse", "age") + kml.LossTerm("mae", "height")
        >>> loss = kml.WeightedSumLoss(terms, weighting="smooth_tchebycheff")

    References:
        Lin et al., "Smooth Tchebycheff scalarization for multi-objective optimization", ICML
        2024.
    """

    has_penalty = True

    def __init__(self, *, mu: float = 1.0, preferences: dict[str, float] | None = None) -> None:
        where = type(self).__name__
        self.mu = check_positive(where, "mu", mu)
        self.preferences = {
            name: check_positive(where, f"preferences[{name!r}]", value)
            for name, value in check_is_dict(
                type(self).__name__, "preferences", preferences
            ).items()
        }

    def initial_state(self, names: list[str]) -> dict[str, StateVariable]:
        check_terms_exist(type(self).__name__, "preferences", self.preferences, names)
        preferences = [self.preferences.get(name, 1.0) for name in names]
        return {
            "preference": StateVariable(np.array(preferences, "float32")),
            "best": StateVariable(for_each_term(names, 0.0)),
            "is_known": StateVariable(for_each_term(names, 0.0)),
        }

    def advance(self, losses: Any, state: State) -> State:
        best = ops.where(state["is_known"] > 0, ops.minimum(state["best"], losses), losses)
        return {**state, "best": best, "is_known": ops.ones_like(losses)}

    def weights(self, losses: Any, state: State) -> Any:
        return state["preference"] * softmax(self._excess(losses, state))

    def penalty(self, losses: Any, state: State) -> Any:
        smooth_maximum = self.mu * ops.logsumexp(self._excess(losses, state))
        return smooth_maximum - ops.sum(self.weights(losses, state) * losses)

    def _excess(self, losses: Any, state: State) -> Any:
        return state["preference"] * (losses - state["best"]) / self.mu
