"""Weights that follow schedules of the step."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_multiloss._checks import check_config
from keras_multiloss._messages import described, error
from keras_multiloss._platform import keras, ops
from keras_multiloss._saving import deserialize, serializable, serialize
from keras_multiloss.weighting._schedules import check_schedule
from keras_multiloss.weighting._term_arguments import check_terms_exist
from keras_multiloss.weighting._weighting import State, StateVariable, Weighting


@serializable
class ScheduledWeighting(Weighting):
    r"""Weights of some terms that follow Keras schedules.

    $$w_t = f_t(\text{step})$$

    with $w_t = 1$ for the other terms. The schedules are those of
    `keras.optimizers.schedules`: ramps, warm-ups, cosines, steps. It does what
    `LossTerm(..., weight=schedule)` does, for terms whose own weights stay as they are.

    Args:
        schedules: a dict from names of terms to schedules.

    Raises:
        TypeError: if it is not a dict of schedules.
        ValueError: when a sum is built with it, if a name is not that of a term.

    Example:
        >>> import keras
        >>> import keras_multiloss as kml
        >>> ramp = keras.optimizers.schedules.PolynomialDecay(0.0, 1000, 1.0)
        >>> weighting = kml.weighting.ScheduledWeighting({"kl": ramp})
        >>> terms = kml.LossTerm("mse", "image") + kml.LossTerm("mse", "kl")
        >>> loss = kml.WeightedSumLoss(terms, weighting=weighting)

    References:
        Bowman et al., "Generating sentences from a continuous space", CoNLL 2016, for the
        ramp of a divergence.
    """

    needs_losses = False

    def __init__(self, schedules: dict[str, Any]) -> None:
        where = type(self).__name__
        if not isinstance(schedules, dict) or not schedules:
            raise error(
                TypeError,
                where,
                "`schedules` is not a dict of schedules",
                expected="a dict from names of terms to `keras.optimizers.schedules` objects",
                received=described(schedules),
            )
        self.schedules = {
            name: check_schedule(where, f"schedules[{name!r}]", schedule)
            for name, schedule in schedules.items()
        }

    def initial_state(self, names: list[str]) -> dict[str, StateVariable]:
        check_terms_exist(type(self).__name__, "schedules", self.schedules, names)
        order = list(self.schedules)
        places = [order.index(name) if name in order else len(order) for name in names]
        return {"place": StateVariable(np.array(places, "float32"))}

    def weights(self, losses: Any, state: State) -> Any:  # noqa: ARG002 (of the interface)
        values = [ops.cast(s(state["step"]), "float32") for s in self.schedules.values()]
        return ops.take(ops.stack([*values, ops.ones(())]), ops.cast(state["place"], "int32"), 0)

    def get_config(self) -> dict[str, Any]:
        return {"schedules": {name: serialize(s) for name, s in self.schedules.items()}}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> ScheduledWeighting:
        config = check_config(cls, config, ("schedules",), required=("schedules",))
        where, namespace = "ScheduledWeighting: `schedules`", keras.optimizers.schedules
        schedules = config["schedules"]
        if isinstance(schedules, dict):
            schedules = {n: deserialize(where, s, namespace) for n, s in schedules.items()}
        return cls(schedules)
