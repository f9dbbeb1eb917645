"""Two towers: queries that should find their items among those of the batch."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_bool, check_positive
from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.evaluation import align, same_shape
from keras_multiloss.losses._input_checks import (
    check_matrices,
    check_one_label,
    check_one_shape,
    check_roles,
)
from keras_multiloss.losses._joint_loss import JointLoss, Reduction
from keras_multiloss.losses._vectors import dot_products, is_diagonal, unit


@serializable
class InBatchSoftmaxLoss(JointLoss):
    r"""Cross-entropy of finding the item of each query among all items of the batch.

    $$\ell_i = -\log \frac{e^{s_{ii}}}{\sum_j e^{s_{ij}}},\quad
    s_{ij} = \frac{\langle u_i, v_j\rangle}{\tau} - \log Q_j$$

    Popular items are in a batch more often and so are negatives more often. $Q_j$, the
    probability that item $j$ is in a batch, corrects for that: give its logarithm as the
    label, `LossTerm(InBatchSoftmaxLoss(), ["query", "item"], "log_q")`. Without a label
    (`labels=None`) there is no correction.

    Args:
        temperature: $\tau > 0$.
        normalize: whether the vectors are scaled to length 1 first.
        reduction: as for `JointLoss`.
        name: name of the loss.

    Shape:
        - y_true: `None`, or log Q as `(batch,)` or `(batch, 1)`.
        - y_pred: a pair `(query, item)`, both `(batch, n)`.
        - result: `(batch,)`. Where log Q is missing, the sample's own value is left out, and
          its item stays a candidate of the other queries with log Q = 0.

    Raises:
        ValueError: if the outputs are not a pair of matrices of one shape, there is more
            than one label, or the temperature is not positive.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> query, item = np.array([[1.0], [1.0]]), np.array([[2.0], [2.0]])
        >>> loss = kml.losses.InBatchSoftmaxLoss()
        >>> round(float(np.exp(-loss(None, (query, item)))), 3)
        0.5
        >>> log_q = np.log([0.1, 0.9])
        >>> values = kml.losses.InBatchSoftmaxLoss(reduction="none")(log_q, (query, item))
        >>> [round(float(p), 3) for p in np.exp(-np.asarray(values))]
        [0.9, 0.1]

    References:
        Yi et al., "Sampling-bias-corrected neural modeling for large corpus item
        recommendations", RecSys 2019.
    """

    def __init__(
        self,
        *,
        temperature: float = 1.0,
        normalize: bool = False,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "in_batch_softmax",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        where = "InBatchSoftmaxLoss"
        self.temperature = check_positive(where, "temperature", temperature)
        self.normalize = check_bool(where, "normalize", normalize)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        where = type(self).__name__
        towers = check_roles(where, y_pred, "query", "item")
        check_matrices(where, towers)
        check_one_shape(where, towers)
        query, item = (unit(tower) if self.normalize else tower for tower in towers)
        scores = dot_products(query, item) / self.temperature
        if y_true is not None:
            log_q = ops.cast(check_one_label(where, y_true), "float32")
            log_q, column = align(log_q, query[:, :1])
            scores = scores - ops.transpose(same_shape(where, log_q, column))
        log_p = ops.log_softmax(scores, axis=-1)
        return -ops.sum(ops.where(is_diagonal(log_p), log_p, ops.zeros_like(log_p)), axis=-1)

    def get_config(self) -> dict[str, Any]:
        own = {"temperature": self.temperature, "normalize": self.normalize}
        return {**super().get_config(), **own}
