"""Two views of each sample, each to be found among all views from the other."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_positive
from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.losses._input_checks import (
    check_matrices,
    check_no_label,
    check_one_shape,
    check_roles,
)
from keras_multiloss.losses._joint_loss import JointLoss, Reduction
from keras_multiloss.losses._vectors import dot_products, is_diagonal, unit


@serializable
class NTXentLoss(JointLoss):
    r"""Normalised temperature-scaled cross-entropy of two views of the samples of a batch.

    $$\ell_i = \tfrac12 \left(\ell(a_i, b_i) + \ell(b_i, a_i)\right),\quad
    \ell(u, v) = -\log \frac{e^{\cos(u, v)/\tau}}
    {\sum_{w \ne u} e^{\cos(u, w)/\tau}}$$

    where $w$ runs over both views of all $B$ samples of the batch except $u$. The larger
    the batch, the more there is to tell apart; under a distribution strategy these are the
    samples of one replica. It needs no label: give the term `labels=None`.

    Args:
        temperature: $\tau > 0$; the lower, the more the nearest other views count.
        reduction: as for `JointLoss`.
        name: name of the loss.

    Shape:
        - y_true: `None`.
        - y_pred: a pair of views, both `(batch, n)`.
        - result: `(batch,)`; a batch of one sample gives 0.

    Raises:
        ValueError: if the outputs are not a pair of matrices of one shape, or the
            temperature is not positive.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> views = np.array([[1.0, 0.0], [0.0, 1.0]])
        >>> round(float(kml.losses.NTXentLoss(temperature=1.0)(None, (views, views))), 3)
        0.551

    References:
        Chen et al., "A simple framework for contrastive learning of visual representations",
        ICML 2020.
    """

    def __init__(
        self,
        *,
        temperature: float = 0.5,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "nt_xent",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        self.temperature = check_positive("NTXentLoss", "temperature", temperature)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        where = type(self).__name__
        check_no_label(where, y_true)
        views = check_roles(where, y_pred, "view", "other_view")
        check_matrices(where, views)
        check_one_shape(where, views)
        one, other = (unit(view) for view in views)
        return 0.5 * (self._find(one, other) + self._find(other, one))

    def _find(self, one: Any, other: Any) -> Any:
        """The cross-entropy of finding the other view of each sample."""
        across = dot_products(one, other) / self.temperature
        within = dot_products(one, one) / self.temperature
        is_itself = is_diagonal(within)
        within = ops.where(is_itself, ops.full_like(within, -1e9), within)
        zeros = ops.zeros_like(across)
        of_pair = ops.sum(ops.where(is_itself, across, zeros), axis=-1)
        return ops.logsumexp(ops.concatenate([across, within], axis=-1), axis=-1) - of_pair

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "temperature": self.temperature}
