"""Weights that stay, unless they are assigned."""

from __future__ import annotations

from typing import Any

from keras_multiloss._keras import ops
from keras_multiloss._serialization import serializable
from keras_multiloss.weighting._base import State, Weighting


@serializable
class StaticWeighting(Weighting):
    r"""The weights of the terms as they are, open to change while the model trains.

    $$w_t = 1$$

    The weights of the terms become variables: `model.term_weights["kl"] = 0.5` acts from the
    next step on, also inside a running `fit`, is logged as `kl_weight` and saved with the
    model. Where nothing is ever assigned, no weighting at all does the same.

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
        0.5
    """

    needs_losses = False

    def weights(self, losses: Any, state: State) -> Any:  # noqa: ARG002 (of the interface)
        return ops.ones_like(losses)
