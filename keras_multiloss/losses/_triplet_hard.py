"""Triplets of the hardest samples for each anchor."""

from __future__ import annotations

import math
from typing import Any

from keras_multiloss._checks import check_bool
from keras_multiloss._platform import dtype_name, ops
from keras_multiloss.evaluation import expand
from keras_multiloss.losses._addons_loss import (
    AddonsReduction,
    as_float,
    at_least_float32,
    from_addons,
)
from keras_multiloss.losses._distances import (
    DistanceMetric,
    distances_to,
    fixed_order,
    pairwise_distance,
)
from keras_multiloss.losses._pairs import (
    mean_over_pairs,
    place_of_max,
    place_of_min,
    positive_and_negative_pairs,
    row_max,
    row_min,
    same_class,
)
from keras_multiloss.losses._triplet import TripletLoss


@from_addons("sparse")
def triplet_hard_loss(
    y_true: Any,
    y_pred: Any,
    margin: Any = 1.0,
    soft: bool = False,
    distance_metric: DistanceMetric = "L2",
) -> Any:
    """The batch-hard triplet loss; see `TripletHardLoss` for the formula and its source.

    Args:
        y_true: a class number for each sample, `(batch,)` or `(batch, 1)`.
        y_pred: embeddings, `(batch, n)`.
        margin: the margin between the distances.
        soft: whether to use a smooth hinge, which has no margin.
        distance_metric: `"L2"`, `"squared-L2"`, `"angular"` or a function.

    Returns:
        A scalar, in the dtype of `y_pred`.

    Raises:
        ValueError: for an unknown metric, or if the embeddings are not a matrix.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> species, embedding = np.array([0, 0, 1]), np.array([[0.0], [1.0], [1.5]])
        >>> round(float(kml.losses.triplet_hard_loss(species, embedding)), 3)
        0.833
    """
    y_pred = as_float(y_pred)
    precise = at_least_float32(y_pred)
    if callable(distance_metric):
        distance = pairwise_distance("triplet_hard_loss", precise, distance_metric)
        positive, negative = _hardest(distance, y_true)
    else:
        positive, negative = _hardest_by_name(precise, y_true, distance_metric)
    excess = positive - negative
    if soft:
        values = ops.softplus(excess)
    else:
        values = ops.maximum(ops.cast(margin, dtype_name(excess)) + excess, 0.0)
    return ops.cast(mean_over_pairs(values), dtype_name(y_pred))


def _hardest(distance: Any, labels: Any) -> tuple[Any, Any]:
    """For each sample, the farthest of its class and the nearest of another."""
    is_positive, is_negative = positive_and_negative_pairs(labels, distance)
    least, greatest = expand(row_min(distance)), expand(row_max(distance))
    farthest = row_max(ops.where(is_positive, distance, least))
    nearest = row_min(ops.where(is_negative, distance, greatest))
    return farthest, nearest


def _hardest_by_name(embeddings: Any, labels: Any, metric: str) -> tuple[Any, Any]:
    """The same for a named metric, where only the pairs that are found need gradients."""
    order = fixed_order("triplet_hard_loss", embeddings, metric)
    same = same_class(labels, order)
    # A sample is the farthest of its class where it is alone in it: all others have -1 here.
    farthest = place_of_max(ops.where(same, order, ops.full_like(order, -1.0)))
    nearest = place_of_min(ops.where(same, ops.full_like(order, math.inf), order))
    # Without another class, the greatest distance is that to the farthest of the class.
    nearest = ops.where(ops.all(same), farthest, nearest)
    return distances_to(embeddings, farthest, metric), distances_to(embeddings, nearest, metric)


@from_addons("sparse")
class TripletHardLoss(TripletLoss):
    r"""Batch-hard triplet loss: for each anchor its farthest positive and nearest negative.

    $$\ell = \frac1B \sum_{a=1}^{B} \max\Big(0,\; m + \max_{p:\,y_p=y_a,\,p\ne a} D_{ap}
    - \min_{n:\,y_n\ne y_a} D_{an}\Big)$$

    With `soft`, $\log(1+e^x)$ of the difference $x$ of the two distances takes the place of
    $\max(0, m+x)$. An anchor without a positive takes the least distance in its row (its own,
    0), an anchor without a negative the greatest. An empty batch gives 0. The embeddings
    should have unit length. Time and memory are of order `batch * batch`.

    Args:
        margin: $m$, in units of the distance.
        soft: whether to use a smooth hinge, which has no margin.
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
        >>> loss = kml.losses.TripletHardLoss(margin=2.0, distance_metric="squared-L2")
        >>> float(loss(species, embedding))
        1.75

    References:
        Hermans, Beyer and Leibe, "In defense of the triplet loss for person
        re-identification", arXiv:1703.07737, 2017.
    """

    function = triplet_hard_loss
    arguments = ("margin", "soft", "distance_metric")

    def __init__(
        self,
        margin: float = 1.0,
        soft: bool = False,
        distance_metric: DistanceMetric = "L2",
        name: str | None = None,
        *,
        reduction: AddonsReduction = "none",
    ) -> None:
        super().__init__(
            margin=margin, distance_metric=distance_metric, reduction=reduction, name=name
        )
        self.soft = check_bool("TripletHardLoss", "soft", soft)
