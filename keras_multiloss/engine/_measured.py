"""What metrics compare, and what counts of it."""

from __future__ import annotations

from typing import Any, NamedTuple

from keras_multiloss._platform import OF_SAMPLES, function_of_metric, ops
from keras_multiloss.evaluation import (
    ELEMENTWISE,
    CountedEntries,
    expand,
    fit_weights,
    float32,
    snake_case,
    to_tensor,
)

#: Functions of single entries that are metrics only.
METRICS_OF_ENTRIES = ELEMENTWISE | {"binary_accuracy"}


class Measured(NamedTuple):
    """What the metrics of an output compare it with.

    Args:
        label: its label; the output itself where no metric looks.
        output: the output.
        counted: what counts of them; `None` if all does.
        sample_weight: one tensor, or `None`.
    """

    label: Any
    output: Any
    counted: CountedEntries | None = None
    sample_weight: Any = None


def metric_arguments(metric: Any, measured: Measured, sample_weight: Any) -> tuple[Any, Any, Any]:
    """Label, output and weights for a metric; what does not count has weight 0."""
    if measured.counted is None:
        return measured.label, measured.output, sample_weight
    label, output, rows, entries = measured.counted
    function = function_of_metric(metric)
    is_of_entries = snake_case(getattr(function, "__name__", "")) in METRICS_OF_ENTRIES
    if entries is None or isinstance(metric, OF_SAMPLES) or (function and not is_of_entries):
        return label, output, _weighed(rows, sample_weight)
    if is_of_entries:
        label, output = expand(label), expand(output)
    return label, output, _weighed(entries, sample_weight)


def _weighed(counts: Any, sample_weight: Any) -> Any:
    weights = ops.cast(counts, "float32")
    if sample_weight is None:
        return weights
    return weights * fit_weights(
        "MultiLossModel.compile", float32(to_tensor(sample_weight)), weights
    )
