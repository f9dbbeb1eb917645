"""Losses of the similarities between all samples of a batch."""

from __future__ import annotations

from typing import Any

from keras_multiloss._platform import dtype_name, ops, to_dense
from keras_multiloss.losses._addons_loss import (
    AddonsLoss,
    AddonsReduction,
    as_float,
    at_least_float32,
    from_addons,
)
from keras_multiloss.losses._pairs import check_matrix, mean_over_pairs, same_class


@from_addons("sparse")
def npairs_loss(y_true: Any, y_pred: Any) -> Any:
    """The N-pairs loss of a batch; see `NpairsLoss` for the formula and its source.

    Args:
        y_true: a class number for each sample, `(batch,)` or `(batch, 1)`.
        y_pred: similarities of all samples, `(batch, batch)`.

    Returns:
        A scalar, in the dtype of `y_pred`.

    Raises:
        ValueError: if `y_pred` is not a square matrix.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> similarity = np.array([[2.0, 0.0], [0.0, 2.0]])
        >>> round(float(kml.losses.npairs_loss(np.array([3, 7]), similarity)), 3)
        0.127
    """
    y_pred = as_float(y_pred)
    check_matrix("npairs_loss", "similarities", _square(y_pred), y_pred)
    return _cross_entropy_of_pairs(same_class(y_true, y_pred), y_pred)


@from_addons("joint")
def npairs_multilabel_loss(y_true: Any, y_pred: Any) -> Any:
    """The N-pairs loss of samples with several classes; see `NpairsMultilabelLoss`.

    Args:
        y_true: which classes each sample has, `(batch, n_classes)`; a sparse tensor where
            the backend has them.
        y_pred: similarities of all samples, `(batch, batch)`.

    Returns:
        A scalar, in the dtype of `y_pred`.

    Raises:
        ValueError: if `y_pred` is not a square matrix.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> tags = np.array([[1, 0, 1], [0, 1, 1]])
        >>> similarity = np.array([[2.0, 0.0], [0.0, 2.0]])
        >>> round(float(kml.losses.npairs_multilabel_loss(tags, similarity)), 3)
        0.794
    """
    y_pred = as_float(y_pred)
    where = "npairs_multilabel_loss"
    check_matrix(where, "similarities", _square(y_pred), y_pred)
    tags = at_least_float32(to_dense(y_true))
    return _cross_entropy_of_pairs(ops.matmul(tags, ops.transpose(tags)), y_pred)


def _square(matrix: Any) -> tuple[int | None, int | None]:
    """The shape that a matrix of similarities has to have."""
    n = ops.shape(matrix)[0]
    n = n if isinstance(n, int) else None
    return (n, n)


def _cross_entropy_of_pairs(adjacency: Any, y_pred: Any) -> Any:
    """The mean cross-entropy of rows of similarities against rows of weights with any sum."""
    similarity = at_least_float32(y_pred)
    weights = ops.cast(adjacency, dtype_name(similarity))
    total = ops.sum(weights, axis=1, keepdims=True)
    weights = weights / ops.where(total == 0.0, ops.ones_like(total), total)
    values = -ops.sum(weights * ops.log_softmax(similarity, axis=-1), axis=1)
    return ops.cast(mean_over_pairs(values), dtype_name(y_pred))


@from_addons("sparse")
class NpairsLoss(AddonsLoss):
    r"""N-pairs loss: cross-entropy of finding the samples of the same class by similarity.

    $$\ell = -\frac1B \sum_{i=1}^{B} \sum_{j=1}^{B} \frac{A_{ij}}{\sum_k A_{ik}}
    \log\operatorname{softmax}(S_i)_j,\quad A_{ij} = [y_i = y_j]$$

    The output $S$ holds the similarities of the samples of two batches $a$ and $b$ of
    embeddings with the same labels, as $S = a\,b^\top$. An empty batch gives 0.

    Args:
        name: name of the loss.
        reduction: `"none"`, as the loss is one value for the batch; `"sum_over_batch_size"`
            (also called `"auto"`) and `"sum"` give the same.

    Shape:
        - y_true: a class number for each sample, `(batch,)` or `(batch, 1)`.
        - y_pred: `(batch, batch)`.
        - values: a scalar.

    Raises:
        ValueError: if the output is not a square matrix, or there is not one label for each row.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> similarity = np.array([[2.0, 0.0], [0.0, 2.0]])
        >>> round(float(kml.losses.NpairsLoss()(np.array([0, 1]), similarity)), 3)
        0.127

    References:
        Sohn, "Improved deep metric learning with multi-class N-pair loss objective",
        NIPS 2016.
    """

    function = npairs_loss

    def __init__(self, name: str = "npairs_loss", *, reduction: AddonsReduction = "none") -> None:
        super().__init__(reduction=reduction, name=name)


@from_addons("joint")
class NpairsMultilabelLoss(AddonsLoss):
    r"""N-pairs loss of samples with several classes, which are alike in the classes they share.

    $$\ell = -\frac1B \sum_{i=1}^{B} \sum_{j=1}^{B} \frac{A_{ij}}{\sum_k A_{ik}}
    \log\operatorname{softmax}(S_i)_j,\quad A = Y\,Y^\top$$

    A sample without any class adds 0, and an empty batch gives 0.

    Args:
        name: name of the loss.
        reduction: `"none"`, as the loss is one value for the batch; `"sum_over_batch_size"`
            (also called `"auto"`) and `"sum"` give the same.

    Shape:
        - y_true: 1 for each class a sample has, else 0, `(batch, n_classes)`; a sparse
          tensor where the backend has them.
        - y_pred: similarities of all samples, `(batch, batch)`.
        - values: a scalar.

    Raises:
        ValueError: if the output is not a square matrix.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> tags = np.array([[1, 0, 1], [0, 1, 1]])
        >>> similarity = np.array([[2.0, 0.0], [0.0, 2.0]])
        >>> round(float(kml.losses.NpairsMultilabelLoss()(tags, similarity)), 3)
        0.794

    References:
        Sohn, "Improved deep metric learning with multi-class N-pair loss objective",
        NIPS 2016.
    """

    function = npairs_multilabel_loss

    def __init__(
        self, name: str = "npairs_multilabel_loss", *, reduction: AddonsReduction = "none"
    ) -> None:
        super().__init__(reduction=reduction, name=name)
