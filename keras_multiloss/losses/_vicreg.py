"""Two views that agree, whose features vary and are unrelated."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_not_negative, check_positive
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


@serializable
class VICRegLoss(JointLoss):
    r"""Invariance of two views, variance of their features, and little covariance of these.

    $$\ell_i = \lambda \tfrac1n \lVert a_i - b_i \rVert^2
    + \mu\,(v(A) + v(B)) + \nu\,(c(A) + c(B))$$
    $$v(Z) = \tfrac1n \sum_j \max\left(0,\; 1 - \sqrt{\operatorname{Var}(z_j) + \epsilon}\right),
    \quad c(Z) = \tfrac1n \sum_{j \ne k} \operatorname{Cov}(z_j, z_k)^2$$

    with the unbiased variances and covariances over the batch. The variance keeps the
    outputs from becoming one constant, without negative samples. The first term is a mean over
    the $n$ features, as in the paper's pseudocode. The authors' code, and libraries after it, take
    the mean of the two variance terms, where the paper's equation adds them up: for settings
    from there, give half of their `variance_weight`, 12.5 for 25. It needs no label: give the term
    `labels=None`.

    Args:
        invariance_weight: $\lambda \ge 0$; the defaults are those of the paper.
        variance_weight: $\mu \ge 0$.
        covariance_weight: $\nu \ge 0$.
        epsilon: $\epsilon > 0$, which keeps the gradient of the square root finite.
        reduction: as for `JointLoss`.
        name: name of the loss.

    Shape:
        - y_true: `None`.
        - y_pred: a pair of views, both `(batch, n)`.
        - result: parts `"invariance"`, `"variance"` and `"covariance"` of `(batch,)`, each
          times its weight. The last two are of the whole batch and the same for all of its
          samples; those of a single sample count as 0.

    Raises:
        ValueError: if the outputs are not a pair of matrices of one shape, or a weight is
            negative.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> view = np.array([[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])
        >>> loss = kml.losses.VICRegLoss()
        >>> float(loss(None, (view, view))), float(loss(None, (view, -view)))
        (0.0, 100.0)

    References:
        Bardes, Ponce and LeCun, "VICReg: variance-invariance-covariance regularization for
        self-supervised learning", ICLR 2022.
    """

    def __init__(
        self,
        *,
        invariance_weight: float = 25.0,
        variance_weight: float = 25.0,
        covariance_weight: float = 1.0,
        epsilon: float = 1e-4,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "vicreg",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        where = "VICRegLoss"
        self.invariance_weight = check_not_negative(where, "invariance_weight", invariance_weight)
        self.variance_weight = check_not_negative(where, "variance_weight", variance_weight)
        self.covariance_weight = check_not_negative(where, "covariance_weight", covariance_weight)
        self.epsilon = check_positive(where, "epsilon", epsilon)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        where = type(self).__name__
        check_no_label(where, y_true)
        views = check_roles(where, y_pred, "view", "other_view")
        check_matrices(where, views)
        check_one_shape(where, views)
        invariance = ops.mean(ops.square(views[0] - views[1]), axis=-1)
        of_views = zip(*map(self._of_features, views), strict=True)
        variance, covariance = (one + other for one, other in of_views)
        zeros = ops.zeros_like(invariance)
        return {
            "invariance": self.invariance_weight * invariance,
            "variance": self.variance_weight * variance + zeros,
            "covariance": self.covariance_weight * covariance + zeros,
        }

    def _of_features(self, view: Any) -> tuple[Any, Any]:
        """The variance and covariance terms of one view."""
        centred = view - ops.mean(view, axis=0)
        n_samples = ops.sum(ops.ones_like(view[:, 0]))
        covariance = mean_products(centred, centred) * n_samples / ops.maximum(n_samples - 1.0, 1.0)
        on_diagonal = is_diagonal(covariance)
        zeros = ops.zeros_like(covariance)
        variance = ops.sum(ops.where(on_diagonal, covariance, zeros), axis=-1)
        is_flat = ops.maximum(1.0 - ops.sqrt(variance + self.epsilon), 0.0)
        related = ops.sum(ops.square(ops.where(on_diagonal, zeros, covariance)), axis=-1)
        return ops.mean(is_flat), ops.mean(related)

    def get_config(self) -> dict[str, Any]:
        own = {
            "invariance_weight": self.invariance_weight,
            "variance_weight": self.variance_weight,
            "covariance_weight": self.covariance_weight,
            "epsilon": self.epsilon,
        }
        return {**super().get_config(), **own}
