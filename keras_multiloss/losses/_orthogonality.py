"""Outputs that ought to have nothing in common."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.losses._input_checks import check_matrices, check_no_label, check_several
from keras_multiloss.losses._joint_loss import JointLoss, Reduction
from keras_multiloss.losses._vectors import mean_products, unit


@serializable
class OrthogonalityLoss(JointLoss):
    r"""What features of several outputs have in common over a batch.

    $$\ell = \left\langle \tfrac{1}{B^2} \lVert A^\top B \rVert_F^2 \right\rangle
    = \frac1B \sum_i \ell_i,\quad
    \ell_i = \left\langle \tfrac1B \sum_j (a_i \cdot a_j)(b_i \cdot b_j) \right\rangle$$

    with the mean over all pairs $A, B$ of outputs, whose rows, one per sample, are scaled to
    length 1. It lies between 0, where each feature of one output is orthogonal, over the batch,
    to each feature of the other, and 1. Outputs that are never negative point in similar
    directions; centre them first, with `BatchNormalization(center=False, scale=False)`. It keeps
    shared features apart from task-specific ones. It needs no label: give the term
    `labels=None`.

    Args:
        reduction: as for `JointLoss`.
        name: name of the loss.

    Shape:
        - y_true: `None`.
        - y_pred: a tuple of two or more outputs `(batch, n_t)`, each of its own size.
        - result: `(batch,)`, the values $\ell_i$.

    Raises:
        ValueError: if there are not several outputs of two axes.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> shared, private = np.array([[1.0], [1.0]]), np.array([[1.0, 0.0], [-1.0, 0.0]])
        >>> loss = kml.losses.OrthogonalityLoss()
        >>> float(loss(None, (shared, private))), float(loss(None, (shared, shared)))
        (0.0, 1.0)

    References:
        Bousmalis et al., "Domain separation networks", NIPS 2016 (the difference loss).
        Liu, Qiu and Huang, "Adversarial multi-task learning for text classification", ACL
        2017.
    """

    def __init__(
        self,
        *,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "orthogonality",
    ) -> None:
        super().__init__(reduction=reduction, name=name)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        where = type(self).__name__
        check_no_label(where, y_true)
        outputs = check_several(where, y_pred)
        check_matrices(where, outputs)
        units = [unit(output) for output in outputs]
        return ops.mean(ops.stack([_in_common(a, b) for a, b in combinations(units, 2)]), axis=0)


def _in_common(left: Any, right: Any) -> Any:
    """The value of each sample; by way of features, so that memory is not of order B x B."""
    return ops.sum(ops.matmul(left, mean_products(left, right)) * right, axis=-1)
