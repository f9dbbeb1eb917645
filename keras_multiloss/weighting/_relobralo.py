"""Weights by how each loss compares with its last and with its first value."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_between, check_positive, check_seed
from keras_multiloss._platform import ops, softmax, uniform
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
class RelobraloWeighting(Weighting):
    r"""Relative loss balancing with random look-back (ReLoBRaLo).

    $$w \leftarrow \alpha\,(\rho\, w + (1-\rho)\, b(\ell, \ell^{(0)}))
    + (1-\alpha)\, b(\ell, \ell'),\quad
    b(\ell, m) = T \operatorname{softmax}\Big(\frac{\ell}{\tau m}\Big)$$

    where $\ell'$ are the losses of the step before and $\ell^{(0)}$ the first ones. $\rho$ is
    1 with the given probability and 0 otherwise, in which case the rule looks back to the
    start. All weights are 1 at the first step, and they sum to $T$. The authors' code has
    $\alpha = 0$ in the second step, so that the weights jump to $b(\ell, \ell')$ there; here they
    move by $1 - \alpha$ from the start. Each draw of $\rho$ is a
    function of the seed and the step, so that a run continues from a file with the same draws,
    on the same backend; others draw other numbers.

    Args:
        temperature: $\tau > 0$; the higher, the more alike the weights.
        alpha: from 0 to 1, how slowly the weights move.
        keep_probability: the mean of $\rho$, from 0 to 1.
        seed: an integer, 0 or more; by default one that `keras.utils.set_random_seed` determines.

    Raises:
        ValueError: if an argument is out of range.
        TypeError: if the seed is not an integer.

    Example:
        >>> import keras_multiloss as kml
        >>> terms = kml.LossTerm("mse", "age") + kml.LossTerm("mae", "height")
        >>> loss = kml.WeightedSumLoss(terms, weighting="relobralo")

    References:
        Bischof and Kraus, "Multi-objective loss balancing for physics-informed deep
        learning", arXiv:2110.09813, 2021.
    """

    def __init__(
        self,
        *,
        temperature: float = 1.0,
        alpha: float = 0.999,
        keep_probability: float = 0.999,
        seed: int | None = None,
    ) -> None:
        where = type(self).__name__
        self.temperature = check_positive(where, "temperature", temperature)
        self.alpha = check_between(where, "alpha", alpha, 0.0, 1.0)
        self.keep_probability = check_between(where, "keep_probability", keep_probability, 0.0, 1.0)
        self.seed = check_seed(where, seed)

    def initial_state(self, names: list[str]) -> dict[str, StateVariable]:
        zeros = for_each_term(names, 0.0)
        return {
            "weight": StateVariable(for_each_term(names, 1.0)),
            "first": StateVariable(zeros),
            "last": StateVariable(zeros),
            "is_known": StateVariable(zeros),
        }

    def advance(self, losses: Any, state: State) -> State:
        is_known = state["is_known"] > 0
        drawn = uniform((1,), seed=self.seed, step=state["step"])[0]
        looks_back = ops.cast(drawn >= self.keep_probability, "float32")
        from_first = self._balance(losses, state["first"])
        history = (1 - looks_back) * state["weight"] + looks_back * from_first
        weight = self.alpha * history + (1 - self.alpha) * self._balance(losses, state["last"])
        return {
            **state,
            "weight": ops.where(is_known, weight, state["weight"]),
            "first": ops.where(is_known, state["first"], losses),
            "last": losses,
            "is_known": ops.ones_like(losses),
        }

    def _balance(self, losses: Any, earlier: Any) -> Any:
        return n_terms_of(losses) * softmax(losses / (self.temperature * positive(earlier)))

    def weights(self, losses: Any, state: State) -> Any:  # noqa: ARG002 (of the interface)
        return state["weight"]
