"""The metric of a `MetricTerm`, which names its outputs and labels itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._platform import UnsavedMetric, function_of_metric, keras, ops
from keras_multiloss.engine._measured import Measured, metric_arguments
from keras_multiloss.evaluation import (
    all_in,
    as_tensors,
    counted_entries,
    fill_missing,
    tensors_in,
    to_float32,
    with_tensors,
)

if TYPE_CHECKING:
    from keras_multiloss.spec import Batch, MetricTerm

#: Metrics that decide on each entry by itself.
OF_ENTRIES = (
    keras.metrics.AUC,
    keras.metrics.Precision,
    keras.metrics.Recall,
    keras.metrics.FalsePositives,
    keras.metrics.FalseNegatives,
    keras.metrics.TruePositives,
    keras.metrics.TrueNegatives,
)

#: Metrics of values alone, without a label.
OF_VALUES = (keras.metrics.Mean, keras.metrics.Sum)


class TermMetric(UnsavedMetric):
    """The metric of a `MetricTerm` under its name in the log.

    Args:
        term: the metric with the names of its tensors.
        kind: the argument of `compile` that it was in; in `weighted_metrics` it has sample
            weights also where the term names none.
    """

    def __init__(self, term: MetricTerm, kind: str) -> None:
        super().__init__(name=term.log_name)
        self.term = term
        self.inner = term.metric
        self.kind = kind
        self.is_weighted = kind == "weighted_metrics" or term.sample_weight is not None

    def update_state(self, batch: Batch) -> None:
        """Add a batch."""
        term, name = self.term, self.name
        y_pred, y_true = batch.output(term, name), batch.label(term, name)
        weights = batch.sample_weight(term, name) if self.is_weighted else None
        if type(self.inner) in OF_VALUES:
            self.inner.update_state(to_float32(as_tensors(y_pred)), weights)
        elif y_true is None or isinstance(y_pred, tuple) or isinstance(y_true, tuple):
            self._update_with_several(y_true, y_pred, weights)
        else:
            found = counted_entries(name, self._like_loss(), y_true, y_pred, [term.mask])
            measured = Measured(y_true, y_pred, found, weights)
            self.inner.update_state(*metric_arguments(self.inner, measured, weights))

    def _like_loss(self) -> Any:
        """What compares labels and outputs as the metric does."""
        if isinstance(self.inner, OF_ENTRIES):
            return keras.losses.mean_squared_error
        return function_of_metric(self.inner) or self.inner

    def _update_with_several(self, y_true: Any, y_pred: Any, weights: Any) -> None:
        """Update with tuples; a sample that lacks a label has weight 0."""
        y_true, y_pred = as_tensors(y_true), to_float32(as_tensors(y_pred))
        pairs = [fill_missing(label, self.term.mask) for label in tensors_in(y_true)]
        filled = with_tensors(y_true, [label for label, _ in pairs])
        conditions = [all_in(there, 1) for _, there in pairs if there is not None]
        for condition in conditions:
            counts = ops.cast(condition, "float32")
            weights = counts if weights is None else weights * counts
        given = () if weights is None else (weights,)
        self.inner.update_state(filled, y_pred, *given)

    def result(self) -> dict[str, Any]:
        """The result by its name, those of a metric with several by theirs."""
        result = self.inner.result()
        if isinstance(result, dict):
            return {f"{self.name}_{key}": value for key, value in result.items()}
        return {self.name: result}

    def reset_state(self) -> None:
        self.inner.reset_state()
