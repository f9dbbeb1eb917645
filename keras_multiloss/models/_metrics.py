"""Compiled metrics, given each the label that has the name of its output.

Keras pairs labels and outputs by position or insists on one label an output; a model with
a joint loss has other labels than outputs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._checks import unknown_name
from keras_multiloss._evaluation import names_of
from keras_multiloss._keras import ops
from keras_multiloss._names import by_name

if TYPE_CHECKING:
    from keras_multiloss._names import Key
    from keras_multiloss.losses import WeightedSumLoss


def labels_for_metrics(
    metrics: list[Any],
    loss: WeightedSumLoss,
    names: list[str] | None,
    y: Any,
    y_pred: Any,
    sample_weight: Any,
) -> tuple[Any, Any]:
    """Labels and sample weights in the structure of the outputs.

    An output without a label stands in for it; no metric looks at it.

    Raises:
        ValueError: if a metric was asked for an output that has no label of its name.
    """
    outputs = by_name(y_pred, names)
    labels = loss.named_labels(y, names)
    for key in _measured(metrics, names_of(outputs)):
        if key not in labels:
            raise unknown_name(
                "MultiLossModel.compile",
                f"a metric of output {key!r} has no label of that name",
                key,
                names_of(labels),
                hint="give metrics by output name, for the outputs that have labels",
            )
    y = _like(y_pred, names, labels, outputs)
    if isinstance(sample_weight, (dict, list, tuple)):
        weights = by_name(sample_weight, names)
        ones = {key: ops.ones_like(output[..., 0]) for key, output in outputs.items()}
        sample_weight = _like(y_pred, names, weights, ones)
    return y, sample_weight


def _measured(metrics: list[Any], names: list[Key]) -> list[Key]:
    """The outputs that a metric was asked for."""
    measured: list[Key] = []
    for given in metrics:
        if isinstance(given, dict):
            measured += [key for key, metric in given.items() if metric]
        elif isinstance(given, (list, tuple)) and len(given) == len(names):
            measured += [key for key, metric in zip(names, given, strict=True) if metric]
        elif given:
            measured += names
    return measured


def _like(
    y_pred: Any, names: list[str] | None, chosen: dict[Key, Any], others: dict[Key, Any]
) -> Any:
    """The chosen tensors in the structure of the outputs, others where there is none."""
    tensors = {**others, **chosen}
    if isinstance(y_pred, dict):
        return {key: tensors[key] for key in y_pred}
    if isinstance(y_pred, (list, tuple)):
        keys: list[Key] = list(names) if names else list(range(len(y_pred)))
        return [tensors[key] for key in keys]
    return tensors[names[0] if names else 0]
