"""Metrics that are not state of a model: layers own their variables, files hold none."""

from __future__ import annotations

from typing import Any

from keras_multiloss._platform._keras import KERAS_3, backend, keras
from keras_multiloss._platform._layer_variables import add_counter, add_sums


class UnsavedMetric(keras.metrics.Metric):
    """A metric whose variables stay out of files, as a fit starts with them at 0.

    Keras 2 saves those of other metrics.
    """

    def save_own_variables(self, store: Any) -> None:
        """Save nothing."""

    def load_own_variables(self, store: Any) -> None:
        """Leave the variables as they are."""


class LayerWithMetrics(keras.layers.Layer):
    """A layer that owns the variables of its metrics.

    On JAX, and on PyTorch under mixed precision, Keras cannot update what a metric owns in the
    call of a layer. Such variables belong to the layer, but are not weights: as with all metrics,
    neither `weights` nor files hold them.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._metric_variables: set[int] = set()

    def add_metric_sums(self, name: str, size: int) -> Any:
        """A float32 vector of zeros that replicas add up."""
        return self._noted(add_sums(self, name, (size,)))

    def add_metric_counter(self, name: str) -> Any:
        """An integer that starts at 0."""
        return self._noted(add_counter(self, name))

    def _noted(self, variable: Any) -> Any:
        self._metric_variables.add(id(variable))
        return variable

    def _without_metric_variables(self, variables: list[Any]) -> list[Any]:
        return [v for v in variables if id(v) not in self._metric_variables]

    if KERAS_3:

        @property
        def weights(self) -> list[Any]:
            """The variables of the layer that do not belong to a metric."""
            return self._without_metric_variables(super().weights)

    else:

        @property
        def non_trainable_weights(self) -> list[Any]:
            """The variables of the layer that are neither trained nor a metric's."""
            return self._without_metric_variables(super().non_trainable_weights)


def can_record_metrics() -> bool:
    """Whether Keras updates a metric of its own in the call of a layer."""
    is_mixed = keras.mixed_precision.global_policy().name.startswith("mixed")
    return backend() == "tensorflow" or (backend() == "torch" and not is_mixed)
