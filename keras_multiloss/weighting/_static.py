"""Weights that stay, unless they are assigned."""

from __future__ import annotations

from typing import Any

from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.weighting._weighting import State, Weighting


@serializable
class StaticWeighting(Weighting):
    r"""The weights of the terms as they are, open to change while the model trains.

    $$w_t = f_t$$

    where $f_t = 1$ until a number is assigned: `model.term_weights["kl"] = 0.5` halves the weight
    that the term was given. The new weight acts from the next step on, also during `fit`, is
    logged as `kl_weight` and is saved with the model. If you never assign one, you need no
    weighting.

    Example:
        >>> import keras
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> x = keras.Input((3,), name="x")
        >>> model = kml.MultiLossModel(x, {"age": keras.layers.Dense(1)(x)})
        >>> terms = [kml.LossTerm("mse", "age", weight=0.25)]
        >>> model.compile("sgd", loss=kml.WeightedSumLoss(terms, weighting="static"))
        >>> model.term_weights["age"]
        0.25
        >>> model.term_weights["age"] = 0.5
        >>> model.term_weights["age"]
        0.125
    """

    needs_losses = False
    is_assignable = True

    def weights(self, losses: Any, state: State) -> Any:  # noqa: ARG002 (of the interface)
        return ops.ones_like(losses)
