"""What the losses of triplets (anchor, positive, negative) of a batch have in common."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_finite_number
from keras_multiloss._platform import keras
from keras_multiloss._saving import deserialize, serialize
from keras_multiloss.losses._addons_loss import AddonsLoss
from keras_multiloss.losses._distances import DistanceMetric, check_distance_metric


class TripletLoss(AddonsLoss):
    """Base class of losses with a margin between distances that have a name or a function."""

    def __init__(
        self, *, margin: float, distance_metric: DistanceMetric, reduction: str, name: str | None
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        where = type(self).__name__
        self.margin = check_finite_number(where, "margin", margin)
        self.distance_metric = check_distance_metric(where, distance_metric)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if callable(self.distance_metric):
            config["distance_metric"] = serialize(self.distance_metric)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> TripletLoss:
        where = f"{cls.__name__}: `distance_metric`"
        metric = deserialize(where, config.get("distance_metric", "L2"), keras.losses)
        return cls(**{**config, "distance_metric": metric})
