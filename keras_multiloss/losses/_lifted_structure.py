"""The loss of embeddings that looks at all pairs of a batch at once."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_finite_number
from keras_multiloss._platform import dtype_name, ops
from keras_multiloss.losses._addons_loss import (
    AddonsLoss,
    AddonsReduction,
    as_float,
    at_least_float32,
    from_addons,
)
from keras_multiloss.losses._distances import pairwise_distance
from keras_multiloss.losses._pairs import mean_where, positive_and_negative_pairs

#: The logarithm of a sum of none, finite so that its gradients are.
LOG_OF_NONE = -1e30


@from_addons("sparse")
def lifted_struct_loss(labels: Any, embeddings: Any, margin: Any = 1.0) -> Any:
    """The lifted structured loss of a batch; see `LiftedStructLoss` for formula and source.

    Args:
        labels: a class number for each sample, `(batch,)` or `(batch, 1)`.
        embeddings: `(batch, n)`.
        margin: the margin between the distances of pairs of one class and of two classes.

    Returns:
        A scalar, in the dtype of `embeddings`.

    Raises:
        ValueError: if the embeddings are not a matrix.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> species, embedding = np.array([0, 0, 1]), np.array([[0.0], [1.0], [1.0]])
        >>> round(float(kml.losses.lifted_struct_loss(species, embedding)), 3)
        2.676
    """
    embeddings = as_float(embeddings)
    precise = at_least_float32(embeddings)
    distance = pairwise_distance("lifted_struct_loss", precise, "L2")
    is_positive, is_negative = positive_and_negative_pairs(labels, distance)
    exponent = ops.cast(margin, dtype_name(precise)) - distance
    none = ops.full_like(distance, LOG_OF_NONE)
    push = ops.logsumexp(ops.where(is_negative, exponent, none), axis=1, keepdims=True)
    violation = ops.maximum(distance + ops.logaddexp(push, ops.transpose(push)), 0.0)
    return ops.cast(0.5 * mean_where(is_positive, ops.square(violation)), dtype_name(embeddings))


@from_addons("sparse")
class LiftedStructLoss(AddonsLoss):
    r"""Lifted structured loss: each pair of a class against all negatives of both its samples.

    $$\ell = \frac{1}{2|P|} \sum_{(i,j)\in P} \max(0, J_{ij})^2,\quad
    J_{ij} = D_{ij} + \log\Big(\sum_{k\in N_i} e^{m-D_{ik}} + \sum_{k\in N_j} e^{m-D_{jk}}\Big)$$

    $D$ are Euclidean distances, $P$ the pairs of two samples of one class, $N_i$ the samples
    of classes other than that of $i$. A batch without such pairs, or of one class only, gives
    0. The embeddings should not be normalised to unit length.

    Args:
        margin: $m$, in units of the distance.
        name: name of the loss.
        reduction: `"none"`, as the loss is one value for the batch; `"sum_over_batch_size"`
            (also called `"auto"`) and `"sum"` give the same.

    Shape:
        - y_true: a class number for each sample, `(batch,)` or `(batch, 1)`.
        - y_pred: embeddings, `(batch, n)`.
        - values: a scalar.

    Raises:
        ValueError: if the embeddings are not a matrix, or there is not one label for each.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> species, embedding = np.array([0, 0, 1]), np.array([[0.0], [1.0], [1.0]])
        >>> round(float(kml.losses.LiftedStructLoss(margin=0.5)(species, embedding)), 3)
        1.644

    References:
        Song, Xiang, Jegelka and Savarese, "Deep metric learning via lifted structured feature
        embedding", CVPR 2016.
    """

    function = lifted_struct_loss
    arguments = ("margin",)

    def __init__(
        self, margin: float = 1.0, name: str | None = None, *, reduction: AddonsReduction = "none"
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        self.margin = check_finite_number("LiftedStructLoss", "margin", margin)
