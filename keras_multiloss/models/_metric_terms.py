"""The metrics of a model that name their outputs and labels themselves."""

from __future__ import annotations

from typing import Any

from keras_multiloss._messages import error
from keras_multiloss.engine import TermMetric
from keras_multiloss.spec import MetricTerm

WHERE = "MultiLossModel.compile"

#: The arguments of `compile` that have metrics.
METRICS = ("metrics", "weighted_metrics")


def without_metric_terms(metrics: Any) -> tuple[Any, list[MetricTerm]]:
    """The metrics that Keras takes, and those that name their tensors themselves.

    A single dict beside them in a list is the dict that Keras takes.
    """
    if isinstance(metrics, MetricTerm):
        return None, [metrics]
    entries = metrics if isinstance(metrics, (list, tuple)) else [metrics]
    for entry in entries:
        if isinstance(entry, dict):
            _check_has_no_terms(entry)
    if entries is not metrics:
        return metrics, []
    terms = [metric for metric in metrics if isinstance(metric, MetricTerm)]
    if not terms:
        return metrics, []
    others: Any = [metric for metric in metrics if not isinstance(metric, MetricTerm)]
    if len(others) == 1 and isinstance(others[0], dict):
        others = others[0]
    return others or None, terms


def check_has_no_metric_terms(arguments: dict[str, Any]) -> None:
    """Raise if there is a MetricTerm, but no total loss."""
    for kind in METRICS:
        _, terms = without_metric_terms(arguments[kind])
        if terms:
            raise error(
                TypeError,
                WHERE,
                "a MetricTerm goes with a total loss",
                expected="a WeightedSumLoss as `loss`",
                received=f"loss={arguments['loss']!r}, {kind}={arguments[kind]!r}",
            )


def _check_has_no_terms(metrics: dict[Any, Any]) -> None:
    for key, metric in metrics.items():
        entries = metric if isinstance(metric, (list, tuple)) else [metric]
        if any(isinstance(entry, MetricTerm) for entry in entries):
            raise error(
                TypeError,
                WHERE,
                f"the metrics of output {key!r} have a MetricTerm among them",
                expected="a MetricTerm beside the dict, as it names its outputs itself",
                received=f"metrics={metrics!r}",
                hint="metrics=[{'age': ['mae']}, MetricTerm(...)]",
            )


def with_metric_terms(metrics: Any, terms: list[MetricTerm]) -> Any:
    """The reverse of `without_metric_terms`."""
    if not terms:
        return metrics
    others = [] if metrics is None else [metrics] if isinstance(metrics, dict) else list(metrics)
    return [*others, *terms]


def checked_term_metrics(terms: list[list[MetricTerm]], logged: list[str]) -> list[TermMetric]:
    """The metric objects of terms; raises for a name that the log has twice.

    Args:
        terms: those of `metrics` and those of `weighted_metrics`.
        logged: the names that the log has already.
    """
    by_kind = zip(METRICS, terms, strict=True)
    made = [TermMetric(term, kind) for kind, terms in by_kind for term in terms]
    taken = list(logged)
    for metric in made:
        if metric.name in taken:
            raise error(
                ValueError,
                WHERE,
                f"two entries of the log would be called {metric.name!r}",
                expected="a different name for each metric",
                received=repr(metric.term),
                hint="give it another name: MetricTerm(..., name=...)",
            )
        taken.append(metric.name)
    return made


def metric_terms_config(metrics: list[TermMetric]) -> dict[str, Any]:
    """What a compile config says of metrics that name their tensors."""
    by_kind = {kind: [m for m in metrics if m.kind == kind] for kind in METRICS}
    return {
        f"{kind}_by_name": [metric.term.get_config() for metric in found]
        for kind, found in by_kind.items()
        if found
    }


def metric_terms_from_config(config: dict[str, Any]) -> dict[str, list[MetricTerm]]:
    """The reverse of `metric_terms_config`, which is taken out of the config."""
    return {
        kind: [MetricTerm.from_config(term) for term in config.pop(f"{kind}_by_name", [])]
        for kind in METRICS
    }
