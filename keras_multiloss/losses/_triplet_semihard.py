"""Triplets of negatives that are farther than the positive, but not by much."""

from __future__ import annotations

import math
from typing import Any

from keras_multiloss._platform import dtype_name, ops, searchsorted_rows
from keras_multiloss.evaluation import expand
from keras_multiloss.losses._addons_loss import (
    AddonsReduction,
    as_float,
    at_least_float32,
    from_addons,
)
from keras_multiloss.losses._distances import DistanceMetric, pairwise_distance
from keras_multiloss.losses._pairs import mean_where, positive_and_negative_pairs, row_min
from keras_multiloss.losses._triplet import TripletLoss


@from_addons("sparse")
def triplet_semihard_loss(
    y_true: Any, y_pred: Any, margin: Any = 1.0, distance_metric: DistanceMetric = "L2"
) -> Any:
    """The semi-hard triplet loss; see `TripletSemiHardLoss` for the formula and its source.

    Args:
        y_true: a class number for each sample, `(batch,)` or `(batch, 1)`.
        y_pred: embeddings, `(batch, n)`.
        margin: the margin between the distances.
        distance_metric: `"L2"`, `"squared-L2"`, `"angular"` or a function.

    Returns:
        A scalar, in the dtype of `y_pred`.

    Raises:
        ValueError: for an unknown metric, or if the embeddings are not a matrix.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> species, embedding = np.array([0, 0, 1]), np.array([[0.0], [1.0], [1.5]])
        >>> float(kml.losses.triplet_semihard_loss(species, embedding))
        1.0
    """
    y_pred = as_float(y_pred)
    precise = at_least_float32(y_pred)
    distance = pairwise_distance("triplet_semihard_loss", precise, distance_metric)
    is_positive, is_negative = positive_and_negative_pairs(y_true, distance)
    excess = distance - _to_semihard_negatives(distance, is_negative)
    values = ops.maximum(ops.cast(margin, dtype_name(distance)) + excess, 0.0)
    return ops.cast(mean_where(is_positive, values), dtype_name(y_pred))


def _to_semihard_negatives(distance: Any, is_negative: Any) -> Any:
    """For each pair, the distance from its first sample to the negative mined for the pair.

    A search in the sorted negatives of each row takes the place of a comparison of each pair
    with each negative, which would need memory of order `batch ** 3`.
    """
    fixed = ops.stop_gradient(distance)
    candidates = ops.where(is_negative, fixed, ops.full_like(fixed, math.inf))
    order = ops.argsort(candidates, axis=1)
    ascending = ops.take_along_axis(candidates, order, 1)
    n_negatives = ops.sum(ops.cast(is_negative, "int32"), axis=1, keepdims=True)
    # The first that is farther than the positive; the last, which is the farthest, if none is.
    place = ops.minimum(searchsorted_rows(ascending, fixed), n_negatives - 1)
    column = ops.take_along_axis(order, ops.maximum(place, 0), 1)
    mined = ops.take_along_axis(distance, column, 1)
    return ops.where(n_negatives > 0, mined, expand(row_min(distance)))


@from_addons("sparse")
class TripletSemiHardLoss(TripletLoss):
    r"""Semi-hard triplet loss: each positive against the nearest negative farther than it.

    $$\ell = \frac{1}{|P|} \sum_{(a,p)\in P} \max\big(0,\; m + D_{ap} - D_{a\,n(a,p)}\big),\quad
    n(a,p) = \operatorname*{arg\,min}_{n:\,y_n\ne y_a,\;D_{an}>D_{ap}} D_{an}$$

    $P$ are the ordered pairs of two samples of one class. Where no negative is farther than
    the positive, the farthest negative is taken; where there is no negative at all, the least
    distance in the row of the anchor (its own, 0). A batch without pairs of one class, such as
    an empty one, gives 0. The embeddings should have unit length. Memory is of order
    `batch * batch`.

    Args:
        margin: $m$, in units of the distance.
        distance_metric: `"L2"`, `"squared-L2"`, `"angular"` (one minus the cosine), or a
            registered function from embeddings `(batch, n)` to distances `(batch, batch)`.
        name: name of the loss.
        reduction: `"none"`, as the loss is one value for the batch; `"sum_over_batch_size"`
            (also called `"auto"`) and `"sum"` give the same.

    Shape:
        - y_true: a class number for each sample, `(batch,)` or `(batch, 1)`.
        - y_pred: embeddings, `(batch, n)`.
        - values: a scalar.

    Raises:
        ValueError: for an unknown metric or a function that no file could restore; if the
            embeddings are not a matrix, or there is not one label for each.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> species, embedding = np.array([0, 0, 1]), np.array([[0.0], [1.0], [1.5]])
        >>> float(kml.losses.TripletSemiHardLoss(margin=2.0)(species, embedding))
        2.0

    References:
        Schroff, Kalenichenko and Philbin, "FaceNet: a unified embedding for face recognition
        and clustering", CVPR 2015.
    """

    function = triplet_semihard_loss
    arguments = ("margin", "distance_metric")

    def __init__(
        self,
        margin: float = 1.0,
        distance_metric: DistanceMetric = "L2",
        name: str | None = None,
        *,
        reduction: AddonsReduction = "none",
    ) -> None:
        super().__init__(
            margin=margin, distance_metric=distance_metric, reduction=reduction, name=name
        )
