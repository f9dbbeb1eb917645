"""Two views whose features agree one by one and are otherwise unrelated."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_not_negative
from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.losses._input_checks import (
    check_matrices,
    check_no_label,
    check_one_shape,
    check_roles,
)
from keras_multiloss.losses._joint_loss import JointLoss, Reduction
from keras_multiloss.losses._vectors import is_diagonal, mean_products

#: Added to the variance of each feature, so that a constant feature gives finite values.
EPSILON = 1e-5


@serializable
class BarlowTwinsLoss(JointLoss):
    r"""Distance of the cross-correlation of two views from the identity matrix.

    $$\ell = \sum_i (1 - C_{ii})^2 + \lambda \sum_i \sum_{j \ne i} C_{ij}^2$$

    where $C_{ij}$ is the correlation, over the batch, of feature $i$ of one view with
    feature $j$ of the other; $10^{-5}$ is added to the variances. It needs no label: give
    the term `labels=None`.

    Args:
        off_diagonal_weight: $\lambda \ge 0$; the default is that of the authors' code.
        reduction: as for `JointLoss`.
        name: name of the loss.

    Shape:
        - y_true: `None`.
        - y_pred: a pair of views, both `(batch, n)`.
        - result: `(batch,)`, the value of the batch, repeated for each sample. In a batch of
          one sample no feature varies: the value is $n$, with gradient 0.

    Raises:
        ValueError: if the outputs are not a pair of matrices of one shape, or the weight is
            negative.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> view = np.array([[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])
        >>> loss = kml.losses.BarlowTwinsLoss()
        >>> round(float(loss(None, (view, view))), 3), round(float(loss(None, (view, -view))), 3)
        (0.0, 8.0)

    References:
        Zbontar et al., "Barlow twins: self-supervised learning via redundancy reduction",
        ICML 2021.
    """

    def __init__(
        self,
        *,
        off_diagonal_weight: float = 5.1e-3,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "barlow_twins",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        self.off_diagonal_weight = check_not_negative(
            "BarlowTwinsLoss", "off_diagonal_weight", off_diagonal_weight
        )

    def call(self, y_true: Any, y_pred: Any) -> Any:
        where = type(self).__name__
        check_no_label(where, y_true)
        views = check_roles(where, y_pred, "view", "other_view")
        check_matrices(where, views)
        check_one_shape(where, views)
        one, other = (_standardised(view) for view in views)
        correlation = mean_products(one, other)
        on_diagonal = is_diagonal(correlation)
        distance = ops.where(on_diagonal, 1.0 - correlation, correlation)
        weights = ops.where(on_diagonal, 1.0, self.off_diagonal_weight)
        value = ops.sum(weights * ops.square(distance))
        return value * ops.ones_like(one[:, 0])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "off_diagonal_weight": self.off_diagonal_weight}


def _standardised(view: Any) -> Any:
    """Each feature with mean 0 and variance 1 over the batch."""
    centred = view - ops.mean(view, axis=0)
    return centred / ops.sqrt(ops.mean(ops.square(centred), axis=0) + EPSILON)
