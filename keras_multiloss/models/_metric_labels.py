"""Compiled metrics, each with the label of its output, and the entries of it that count.

Keras pairs labels and outputs by position or insists on one label for each output; a model with
a joint loss has other labels than outputs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._messages import error, unknown_name
from keras_multiloss._platform import (
    MetricsOfOutput,
    metrics_by_output,
)
from keras_multiloss.engine import Measured, metric_arguments
from keras_multiloss.evaluation import (
    counted_entries,
)
from keras_multiloss.spec import SOURCES, listed, names_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from keras_multiloss.models._compiled_loss import CompiledLoss
    from keras_multiloss.spec import Batch, Key, KeyOrSource, LossTerm

WHERE = "MultiLossModel.compile"


def by_path(metrics: Any, prefix: str = "") -> Any:
    """Metrics by output name: those of a nested dict by the names joined by `"/"`."""
    if not isinstance(metrics, dict):
        return metrics
    flat: dict[Any, Any] = {}
    for key, value in metrics.items():
        path = f"{prefix}{key}" if prefix else key
        flat.update(by_path(value, f"{path}/") if isinstance(value, dict) else {path: value})
    return flat


def update_metrics(model: Any, compiled: CompiledLoss, batch: Batch, y_pred: Any) -> None:
    """Update the metrics of a model: those that name their tensors, and those of outputs.

    Raises:
        ValueError: if a metric was asked for an output that has no label, or several.
    """
    for metric in compiled.metric_terms:
        metric.update_state(batch)
    if not any(compiled.metrics):
        return
    taps = _asked_taps(compiled.metrics, batch)
    keys = [*_keys_of_outputs(compiled, batch, y_pred), *taps]
    wanted = set(_asked(compiled.metrics, keys, keys))
    measured = {key: _measured_output(compiled, batch, key, is_asked=key in wanted) for key in keys}
    made = metrics_by_output(
        model,
        _like(y_pred, {key: one.label for key, one in measured.items()}, taps),
        _like(y_pred, {key: one.output for key, one in measured.items()}, taps),
    )
    for (key, one), metrics in zip(measured.items(), made, strict=True):
        if key in wanted and one.label is not one.output:
            _update(metrics, one)


def _like(y_pred: Any, tensors: dict[Key, Any], taps: list[Key]) -> Any:
    """Tensors by name as Keras pairs metrics with them: a dict, or a list in the order."""
    return tensors if isinstance(y_pred, dict) or taps else list(tensors.values())


def _update(metrics: MetricsOfOutput, measured: Measured) -> None:
    for objects, sample_weight in (
        (metrics.plain, None),
        (metrics.weighted, measured.sample_weight),
    ):
        for metric in objects:
            metric.update_state(*metric_arguments(metric, measured, sample_weight))


def _measured_output(compiled: CompiledLoss, batch: Batch, key: Key, *, is_asked: bool) -> Measured:
    output = batch.outputs[key]
    if not is_asked:
        return Measured(output, output)
    terms = _terms_over(compiled.loss.terms, batch, key)
    label_key = _label_key(terms, batch, key)
    if label_key is None:  # the data lacks what a term does without
        return Measured(output, output)
    label = batch.tensor(label_key, batch.labels)
    terms = [term for term in terms if term.labels == label_key]
    masks = list(dict.fromkeys(term.mask for term in terms))
    found = counted_entries(WHERE, terms[0].loss, label, output, masks) if terms else None
    return Measured(label, output, found, _sample_weight(batch, terms, key))


def _terms_over(terms: Sequence[LossTerm], batch: Batch, key: Key) -> list[LossTerm]:
    """The terms over one output, or else those over several that have one label."""
    same = {k for k, tensor in batch.outputs.items() if tensor is batch.outputs[key]}
    over = [term for term in terms if same & set(term.output_keys)]
    with_one_label = [term for term in over if len(listed(term.labels)) == 1]
    alone = [term for term in with_one_label if len(term.output_keys) == 1]
    return alone or with_one_label


def _label_key(terms: list[LossTerm], batch: Batch, key: Key) -> KeyOrSource | None:
    """The label of an output: that of its name, or that of the terms over it.

    `None` if the data lacks the label of terms that do without it.
    """
    if key in batch.labels:
        return key
    keys = list(dict.fromkeys(k for term in terms for k in listed(term.labels)))
    there = [k for k in keys if isinstance(k, SOURCES) or k in batch.labels]
    if len(there) == 1:
        return there[0]
    if not there and keys and not any(term.required for term in terms):
        return None
    if there:
        raise error(
            ValueError,
            WHERE,
            f"a metric of output {key!r} has several labels to choose from",
            expected=f"a label named {key!r}, or terms over it that share one label",
            received=f"labels {there}",
        )
    raise unknown_name(
        WHERE,
        f"a metric of output {key!r} has no label of that name",
        key,
        names_of(batch.labels),
        hint="give metrics by output name, for the outputs that have labels",
    )


def _sample_weight(batch: Batch, terms: list[LossTerm], key: Key) -> Any:
    weights = batch.sample_weights
    if not isinstance(weights, dict):
        return weights
    own = [term.sample_weight for term in terms if term.sample_weight is not None]
    return next((weights[k] for k in [key, *own] if k in weights), None)


def _keys_of_outputs(compiled: CompiledLoss, batch: Batch, y_pred: Any) -> list[Key]:
    """The outputs, each once: by name where they have one."""
    names: Sequence[Any] | None = compiled.names.outputs
    if isinstance(y_pred, dict):
        return [key for key in names_of(batch.outputs) if key not in batch.taps]
    if not isinstance(y_pred, (list, tuple)):
        return [names[0] if names else next(iter(batch.outputs))]
    return list(names) if names else list(range(len(y_pred)))


def _asked_taps(metrics: list[Any], batch: Batch) -> list[Key]:
    """The hidden tensors that a metric was asked for."""
    asked = [key for given in metrics if isinstance(given, dict) for key in given]
    return [key for key in dict.fromkeys(asked) if key in batch.taps]


def _asked(metrics: list[Any], names: list[Key], keys: list[Key]) -> Iterator[Key]:
    """The outputs that a metric was asked for."""
    for given in metrics:
        if isinstance(given, dict):
            yield from (key for key, metric in given.items() if metric)
        elif isinstance(given, (list, tuple)) and len(given) == len(keys) > 1:
            yield from (key for key, metric in zip(keys, given, strict=True) if metric)
        elif given:
            yield from names
