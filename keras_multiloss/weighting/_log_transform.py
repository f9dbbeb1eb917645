"""Another rule, applied to the logarithms of the losses."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_config
from keras_multiloss._platform import ops
from keras_multiloss._saving import deserialize, serializable, serialize
from keras_multiloss.weighting._weighting import State, StateVariable, Weighting, positive
from keras_multiloss.weighting._weightings_by_name import checked_weighting


@serializable
class LogTransform(Weighting):
    r"""Another rule, applied to the logarithms of the losses.

    $$L = \sum_t v_t \log \ell_t + p,\quad w_t = v_t / \ell_t$$

    where $v_t$ and $p$ are what the inner rule makes of the logarithms. All losses then count
    by their relative change, whatever their units: the loss side of DB-MTL, with a static
    inner rule. The penalty is $L - \sum_t w_t \ell_t$. Losses must be positive, and those below
    $10^{-8}$ count as $10^{-8}$; logarithms may be negative, so rules that need positive losses
    cannot be inner rules.

    Args:
        inner: a weighting or its name.

    Raises:
        ValueError: if no rule has the name.
        TypeError: if it is not a weighting.

    Example:
        >>> import keras_multiloss as kml
        >>> terms = kml.LossTerm("mse", "age") + kml.LossTerm("mae", "height")
        >>> loss = kml.WeightedSumLoss(terms, weighting=kml.weighting.LogTransform("static"))

    References:
        Lin et al., "Dual-balancing for multi-task learning", arXiv:2308.12029, 2023.
    """

    has_penalty = True

    def __init__(self, inner: Any = "static") -> None:
        self.inner = checked_weighting(type(self).__name__, "inner", inner)

    def initial_state(self, names: list[str]) -> dict[str, StateVariable]:
        return self.inner.initial_state(names)

    def start_epoch(self, state: State) -> State:
        return self.inner.start_epoch(state)

    def advance(self, losses: Any, state: State) -> State:
        return self.inner.advance(ops.log(positive(losses)), state)

    def weights(self, losses: Any, state: State) -> Any:
        # What is trained in the inner rule has its gradient from the penalty, of logarithms.
        inner = ops.stop_gradient(self.inner.weights(ops.log(positive(losses)), state))
        return inner / positive(losses)

    def penalty(self, losses: Any, state: State) -> Any:
        log_losses = ops.log(positive(losses))
        value = ops.sum(self.inner.weights(log_losses, state) * log_losses)
        value = value + self.inner.penalty(log_losses, state)
        return value - ops.sum(self.weights(losses, state) * losses)

    def __repr__(self) -> str:
        return f"<LogTransform({self.inner!r})>"

    def get_config(self) -> dict[str, Any]:
        return {"inner": serialize(self.inner)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> LogTransform:
        config = check_config(cls, config, ("inner",))
        return cls(deserialize("LogTransform: `inner`", config.get("inner", "static"), None))
