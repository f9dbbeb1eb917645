"""Distances between all samples of a batch, by name or by a user's function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from keras_multiloss._checks import check_choice
from keras_multiloss._platform import fixed_squared_distances, ops, squared_distances
from keras_multiloss._saving import check_saveable
from keras_multiloss.losses._pairs import check_matrix
from keras_multiloss.losses._vectors import (
    cosines,
    dot_products,
    is_diagonal,
    lengths,
    squared_lengths,
    unit,
)

DistanceMetric = Literal["L2", "squared-L2", "angular"] | Callable[[Any], Any]


def check_distance_metric(where: str, metric: Any) -> Any:
    """The metric; raises unless it is a known name or what a file could restore."""
    if callable(metric):
        check_saveable(where, "distance_metric", metric)
    else:
        check_choice(where, "distance_metric", metric, METRICS)
    return metric


def pairwise_distance(where: str, embeddings: Any, metric: DistanceMetric) -> Any:
    """The distances between all rows of a matrix, in memory of order `batch * batch`.

    Args:
        where: whose embeddings they are, for errors.
        embeddings: `(batch, n)`, of float32 or float64.
        metric: `"L2"`, `"squared-L2"`, `"angular"` (one minus the cosine of the angle, which
            is 0 with a zero vector), or a function from embeddings to distances.

    Returns:
        `(batch, batch)`; of the named metrics, with zeros on the diagonal and finite gradients.
    """
    check_matrix(where, "embeddings", (None, None), embeddings)
    if callable(metric):
        return metric(embeddings)
    check_choice(where, "distance_metric", metric, METRICS)
    return METRICS[metric](embeddings)


def _squared_euclidean(x: Any) -> Any:
    return squared_distances(_centred(x))


def _centred(x: Any) -> Any:
    # A common offset costs digits. Distances do not change with it, nor do gradients.
    return x - ops.stop_gradient(ops.mean(x, axis=0, keepdims=True))


def _euclidean(x: Any) -> Any:
    squared = _squared_euclidean(x)
    # The root has no finite gradient at 0, and where `where` picks another branch it would be NaN.
    is_zero = squared <= 0.0
    root = ops.sqrt(ops.where(is_zero, ops.ones_like(squared), squared))
    return ops.where(is_zero, ops.zeros_like(squared), root)


def _angular(x: Any) -> Any:
    x = unit(x)
    distance = ops.maximum(1.0 - dot_products(x, x), 0.0)
    return ops.where(is_diagonal(distance), ops.zeros_like(distance), distance)


METRICS: dict[str, Callable[[Any], Any]] = {
    "L2": _euclidean,
    "squared-L2": _squared_euclidean,
    "angular": _angular,
}


def fixed_order(where: str, embeddings: Any, metric: str) -> Any:
    """Numbers that order all pairs as a named metric does, without gradients.

    None is below 0, and the diagonal is 0.
    """
    check_matrix(where, "embeddings", (None, None), embeddings)
    check_choice(where, "distance_metric", metric, METRICS)
    fixed = ops.stop_gradient(embeddings)
    return _angular(fixed) if metric == "angular" else fixed_squared_distances(_centred(fixed))


def distances_to(embeddings: Any, places: Any, metric: str) -> Any:
    """The distance by a named metric from each row to one other, in memory of order `batch`.

    Args:
        embeddings: `(batch, n)`.
        places: the other row of each, int32, `(batch,)`.
        metric: the name of the metric.

    Returns:
        `(batch,)`, 0 from a row to itself.
    """
    others = ops.take(embeddings, places, axis=0)
    if metric != "angular":
        measure = lengths if metric == "L2" else squared_lengths
        return measure(embeddings - others)
    distance = ops.maximum(1.0 - cosines(embeddings, others), 0.0)
    is_itself = ops.equal(places, ops.arange(ops.shape(embeddings)[0]))
    return ops.where(is_itself, ops.zeros_like(distance), distance)
