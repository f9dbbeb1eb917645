"""Weights by the uncertainty of each task, learned with the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from keras_multiloss._checks import check_choice, check_finite_number
from keras_multiloss._messages import error
from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.weighting._term_arguments import check_terms_exist
from keras_multiloss.weighting._weighting import State, StateVariable, Weighting, for_each_term

if TYPE_CHECKING:
    from collections.abc import Sequence

Regularizer = Literal["log_sigma", "log_one_plus_variance"]


@serializable
class UncertaintyWeighting(Weighting):
    r"""Weights by a variance of each task that is learned with the model.

    With $s_t = \log\sigma_t^2$, one trained number for each term:

    $$L = \sum_t a_t\, e^{-s_t}\, \ell_t + \tfrac12 s_t$$

    where $a_t$ is 1/2 for a regression, whose loss is a squared error, and 1 for a
    classification, whose loss is a cross-entropy. The penalty keeps the variances from
    growing; with `"log_one_plus_variance"` it is $\log(1 + e^{s_t})$, which is never negative.
    The optimizer of the model trains $s_t$, with its learning rate.

    Args:
        classification: the names of the terms that are classifications; the others are
            regressions.
        regularizer: `"log_sigma"` for $\tfrac12 s_t$, or `"log_one_plus_variance"`.
        initial_log_variance: where every $s_t$ starts.
        min_log_variance: lower bound of $s_t$; keeps the weight of a loss near zero from
            growing without bound.
        max_log_variance: upper bound of $s_t$; keeps a task from being given up.

    Raises:
        ValueError: if the start is not within the bounds, or, when a sum is built with it, if a
            name is not that of a term.

    Example:
        >>> import keras_multiloss as kml
        >>> weighting = kml.weighting.UncertaintyWeighting(classification=["sex"])
        >>> terms = kml.LossTerm("mse", "age") + kml.LossTerm("binary_crossentropy", "sex")
        >>> loss = kml.WeightedSumLoss(terms, weighting=weighting)

    References:
        Kendall, Gal and Cipolla, "Multi-task learning using uncertainty to weigh losses for
        scene geometry and semantics", CVPR 2018.
        Liebel and Körner, "Auxiliary tasks in multi-task learning", arXiv:1805.06334, 2018
        (`"log_one_plus_variance"`).
    """

    has_penalty = True

    def __init__(
        self,
        *,
        classification: Sequence[str] = (),
        regularizer: Regularizer = "log_sigma",
        initial_log_variance: float = 0.0,
        min_log_variance: float = -10.0,
        max_log_variance: float = 10.0,
    ) -> None:
        where = type(self).__name__
        one: list[str] = [classification] if isinstance(classification, str) else []
        self.classification = one or list(classification)
        check_choice(where, "regularizer", regularizer, ["log_sigma", "log_one_plus_variance"])
        self.regularizer = regularizer
        numbers = [min_log_variance, initial_log_variance, max_log_variance]
        names = ["min_log_variance", "initial_log_variance", "max_log_variance"]
        low, start, high = map(check_finite_number, [where] * 3, names, numbers)
        if not low <= start <= high:
            raise error(
                ValueError,
                where,
                "`initial_log_variance` is not within its bounds",
                expected="min_log_variance <= initial_log_variance <= max_log_variance",
                received=f"{low}, {start}, {high}",
            )
        self.min_log_variance, self.initial_log_variance, self.max_log_variance = low, start, high

    def initial_state(self, names: list[str]) -> dict[str, StateVariable]:
        check_terms_exist(type(self).__name__, "classification", self.classification, names)
        factors = [1.0 if name in self.classification else 0.5 for name in names]
        start = for_each_term(names, self.initial_log_variance)
        return {
            "log_variance": StateVariable(start, trainable=True, constraint=self._within_bounds),
            "factor": StateVariable(np.array(factors, "float32")),
        }

    def _within_bounds(self, log_variance: Any) -> Any:
        return ops.clip(log_variance, self.min_log_variance, self.max_log_variance)

    def weights(self, losses: Any, state: State) -> Any:  # noqa: ARG002 (of the interface)
        return state["factor"] * ops.exp(-state["log_variance"])

    def penalty(self, losses: Any, state: State) -> Any:  # noqa: ARG002 (of the interface)
        if self.regularizer == "log_sigma":
            return ops.sum(0.5 * state["log_variance"])
        return ops.sum(ops.softplus(state["log_variance"]))
