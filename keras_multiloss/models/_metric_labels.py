"""Compiled metrics, given each the label that has the name of its output.

Keras pairs labels and outputs by position or insists on one label for each output; a model with
a joint loss has other labels than outputs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._messages import unknown_name
from keras_multiloss._platform import ops
from keras_multiloss.spec import names_of

if TYPE_CHECKING:
    from keras_multiloss.models._compiled_loss import CompiledLoss
    from keras_multiloss.spec import Batch, Key


def labels_for_metrics(compiled: CompiledLoss, batch: Batch, y_pred: Any) -> tuple[Any, Any]:
    """Labels and sample weights in the structure of the outputs.

    An output without a label stands in for it; no metric looks at it.

    Raises:
        ValueError: if a metric was asked for an output that has no label of its name.
    """
    names = compiled.names.outputs
    for key in _measured(compiled.metrics, names_of(batch.outputs)):
        if key not in batch.labels:
            raise unknown_name(
                "MultiLossModel.compile",
                f"a metric of output {key!r} has no label of that name",
                key,
                names_of(batch.labels),
                hint="give metrics by output name, for the outputs that have labels",
            )
    y = _like(y_pred, names, batch.labels, batch.outputs)
    weights = batch.sample_weights
    if isinstance(weights, dict):
        ones = {key: ops.ones_like(output[..., 0]) for key, output in batch.outputs.items()}
        weights = _like(y_pred, names, weights, ones)
    return y, weights


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
