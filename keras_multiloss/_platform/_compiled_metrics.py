"""The metrics that a model was compiled with, output by output.

Keras keeps them in a container of its own, which pairs labels and outputs by position and gives
plain `metrics` no weights; here each output comes with what counts of it.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, NamedTuple

from keras_multiloss._platform._keras import KERAS_3, keras

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Metrics of whole samples, which take no weights of single entries.
OF_SAMPLES = (keras.metrics.R2Score, keras.metrics.FBetaScore)


class MetricsOfOutput(NamedTuple):
    """The metric objects of one output.

    Args:
        plain: those of `metrics`.
        weighted: those of `weighted_metrics`.
    """

    plain: Sequence[Any]
    weighted: Sequence[Any]


def metrics_by_output(model: Any, labels: Any, outputs: Any) -> list[MetricsOfOutput]:
    """The compiled metrics in the order of the outputs, made at the first call.

    Args:
        model: a compiled model.
        labels: a list of tensors, or a dict of them by output name.
        outputs: tensors in the same structure.
    """
    container = model._compile_metrics if KERAS_3 else model.compiled_metrics
    if container is None:
        return []
    if not container.built:
        _build(container, labels, outputs)
    plain, weighted = (
        (container._flat_metrics, container._flat_weighted_metrics)
        if KERAS_3
        else (container._metrics, container._weighted_metrics)
    )
    # Keras 3.7 has no entry where nothing was asked for.
    pairs = itertools.zip_longest(plain, weighted)
    found = [MetricsOfOutput(*map(_objects, pair)) for pair in pairs]
    if not isinstance(outputs, dict):
        return found
    order = _order(container, outputs)
    return [found[order.index(name)] for name in outputs]


def _build(container: Any, labels: Any, outputs: Any) -> None:
    if not KERAS_3:
        container.build(outputs, labels)
        return
    names = container.output_names
    if isinstance(outputs, dict) and (names is None or set(names) != set(outputs)):
        container.output_names = sorted(outputs)
    container.build(labels, outputs)


def _order(container: Any, outputs: dict[str, Any]) -> list[str]:
    """The names of the outputs in the order in which the container has their metrics."""
    if len(outputs) == 1:
        return list(outputs)
    if not KERAS_3:
        return sorted(outputs)
    return list(container._flatten_y({name: name for name in outputs}))


def _objects(metrics: Any) -> list[Any]:
    if metrics is None:
        return []
    found = metrics.metrics if KERAS_3 else metrics
    return [metric for metric in found if metric is not None]


def forget_compiled(model: Any) -> None:
    """Drop what the last `compile` left, which Keras 3 replaces only by something new."""
    if KERAS_3:
        model._compile_loss = model._compile_metrics = None


def function_of_metric(metric: Any) -> Any:
    """What a metric takes the mean of; `None` if it is no mean of a function."""
    return metric._fn if isinstance(metric, keras.metrics.MeanMetricWrapper) else None


def metric_names_in_order(model: Any, logs: dict[str, Any]) -> list[str]:
    """The names of logs in the order in which `evaluate` returns them in a list."""
    first = []
    for metric in model.metrics:
        is_container = KERAS_3 and metric is model._compile_metrics
        first += [one.name for one in metric.metrics] if is_container else [metric.name]
    first = [name for name in dict.fromkeys(first) if name in logs]
    return [*first, *sorted(name for name in logs if name not in first)]
