"""`MetricTerm`: a metric over outputs and labels given by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._checks import check_config, check_keys, check_mask, check_optional_name
from keras_multiloss._messages import described, error
from keras_multiloss._platform import keras
from keras_multiloss._saving import serializable
from keras_multiloss.spec._checked_keys import (
    SAME_AS_OUTPUTS,
    KeyOrSource,
    Keys,
    checked_outputs,
    default_labels,
)
from keras_multiloss.spec._immutable import Immutable
from keras_multiloss.spec._named_tensors import NamedTensors
from keras_multiloss.spec._tensor_sources import SOURCES, keys_config, keys_from_config

if TYPE_CHECKING:
    from keras_multiloss.evaluation import Mask

METRIC_ARGUMENTS = ("metric", "outputs", "labels", "mask", "sample_weight", "name")


@serializable
class MetricTerm(Immutable, NamedTensors):
    """A metric of one output or of several, with labels from anywhere.

    Give it to `MultiLossModel.compile(metrics=[...])`, beside the metrics that Keras takes. Keras
    itself shows a metric one output and the label of the same name.

    Args:
        metric: a Keras metric, its name, or a registered function. With one output and one label
            it gets tensors; where the term names a list, `update_state` gets tuples in that order.
            `keras.metrics.Mean` and `Sum` are of the output alone, with `labels=None`.
        outputs: as for `LossTerm`.
        labels: as for `LossTerm`, `kml.from_input(...)` and `kml.from_output(...)` among them.
        mask: what marks a missing label: `"nan"` or a number. Missing entries have weight 0, in
            metrics of whole samples the samples that lack one.
        sample_weight: the name of the sample weight to use. By default the metric is not
            weighted; in `weighted_metrics=[...]` it has the weights that a term would have.
        name: the name in the log; by default that of the metric, for one output behind the
            name of the output, `"age_mean_absolute_error"`.

    Raises:
        TypeError: if `metric` is no metric, or an argument is of the wrong type.
        ValueError: for `"accuracy"`, which means something else for each shape.

    Example:
        >>> import keras
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> x = keras.Input((2,), name="x")
        >>> zeros = {"kernel_initializer": "zeros"}
        >>> model = kml.MultiLossModel(x, {"y": keras.layers.Dense(2, **zeros)(x)})
        >>> error = kml.MetricTerm("mae", "y", labels=kml.from_input("x"), name="error")
        >>> own = kml.LossTerm("mse", "y", labels=kml.from_input("x"))
        >>> model.compile("sgd", loss=own, metrics=[error])
        >>> model.evaluate(np.full((4, 2), 3.0), verbose=0, return_dict=True)["error"]
        3.0
    """

    hint_for_change = "compile with a MetricTerm that says so"
    what = "metric"

    def __init__(
        self,
        metric: Any,
        outputs: KeyOrSource | list[KeyOrSource],
        labels: Keys = SAME_AS_OUTPUTS,
        *,
        mask: Mask = None,
        sample_weight: str | None = None,
        name: str | None = None,
    ) -> None:
        self.name = check_optional_name("MetricTerm", "name", name)
        where = "MetricTerm" if self.name is None else f"MetricTerm {self.name!r}"
        self.metric = _checked_metric(where, metric)
        self.outputs = checked_outputs(where, outputs)
        if labels is SAME_AS_OUTPUTS:
            labels = default_labels(self.outputs)
        self.labels = check_keys(where, "labels", labels, or_of=SOURCES)
        self.mask = check_mask(where, "mask", mask)
        self.sample_weight = check_optional_name(where, "sample_weight", sample_weight)
        self._close()

    @property
    def log_name(self) -> str:
        """The name in the log."""
        if self.name is not None:
            return self.name
        is_of_one = len(self.output_keys) == 1
        return f"{self.joined_outputs}_{self.metric.name}" if is_of_one else self.metric.name

    def get_config(self) -> dict[str, Any]:
        config = {name: getattr(self, name) for name in METRIC_ARGUMENTS}
        config["metric"] = keras.saving.serialize_keras_object(self.metric)
        return {**config, **{side: keys_config(config[side]) for side in ("outputs", "labels")}}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> MetricTerm:
        config = check_config(cls, config, METRIC_ARGUMENTS, required=METRIC_ARGUMENTS)
        config["metric"] = keras.saving.deserialize_keras_object(config["metric"])
        return cls(
            **{**config, **{side: keys_from_config(config[side]) for side in ("outputs", "labels")}}
        )

    def __repr__(self) -> str:
        return (
            f"<MetricTerm {self.log_name!r}: {self.metric.name}"
            f"(outputs={self.outputs!r}, labels={self.labels!r})>"
        )


def _checked_metric(where: str, metric: Any) -> Any:
    """A metric object; raises for what is none."""
    found = _metric_of_name(where, metric) if isinstance(metric, str) else metric
    if isinstance(found, keras.metrics.Metric):
        return found
    if callable(found) and hasattr(found, "__name__") and not isinstance(found, type):
        return keras.metrics.MeanMetricWrapper(found, name=found.__name__)
    raise error(
        TypeError,
        where,
        "`metric` is not a metric",
        expected="a metric of `keras.metrics`, its name, or a function of label and output",
        received=described(metric),
    )


def _metric_of_name(where: str, name: str) -> Any:
    """A metric object or function of Keras."""
    if name in {"accuracy", "acc", "crossentropy", "ce"}:
        raise error(
            ValueError,
            where,
            f"{name!r} means something else for each shape of the label",
            expected="the metric that is meant",
            received=repr(name),
            hint="'binary_accuracy', 'categorical_accuracy', 'sparse_categorical_accuracy' or "
            "'binary_crossentropy' and so on",
        )
    try:
        return keras.metrics.get(name)
    except ValueError as e:
        raise error(
            ValueError,
            where,
            "no metric has this name",
            expected="a metric of `keras.metrics`, or its name",
            received=repr(name),
        ) from e
