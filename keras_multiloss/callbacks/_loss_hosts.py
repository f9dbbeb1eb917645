"""The hosts of total losses that a model consists of."""

from __future__ import annotations

from typing import Any

from keras_multiloss._platform import layers_within
from keras_multiloss.layers import WeightedSumLossLayer
from keras_multiloss.models import MultiLossMixin


def loss_layers(model: Any) -> list[Any]:
    """The `WeightedSumLossLayer`s of a model and of the models inside it."""
    return [layer for layer in layers_within(model) if isinstance(layer, WeightedSumLossLayer)]


def hosts(model: Any) -> list[Any]:
    """What has `term_weights`: the model itself, or its layers."""
    is_host = isinstance(model, MultiLossMixin) and model.has_total_loss
    return [model] if is_host else loss_layers(model)
