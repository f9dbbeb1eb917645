"""Embeddings that should be near those of their own class."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_positive
from keras_multiloss._messages import error
from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.evaluation import rank, sparse_label, static_shape
from keras_multiloss.losses._input_checks import (
    check_matrices,
    check_one_label,
    check_one_output,
    check_one_shape,
)
from keras_multiloss.losses._joint_loss import JointLoss, Reduction
from keras_multiloss.losses._pairs import same_class
from keras_multiloss.losses._vectors import dot_products, is_diagonal, unit


@serializable
class SupervisedContrastiveLoss(JointLoss):
    r"""Cross-entropy of finding the embeddings of one's own class among all of the batch.

    $$\ell_i = -\frac{1}{|P(i)|} \sum_{p \in P(i)}
    \log \frac{e^{\cos(z_i, z_p)/\tau}}{\sum_{a \ne i} e^{\cos(z_i, z_a)/\tau}}$$

    This is $\mathcal{L}^\mathrm{sup}_\mathrm{out}$ of the paper. $P(i)$ are the other
    embeddings of the class of $z_i$; with several views of each sample, they include the other
    views of the same sample. The value of a sample is the mean over its views. With two views,
    and every sample in a class of its own, this is `NTXentLoss`.

    An embedding with no positive gives 0 and counts in the mean, as in the authors' code.
    Draw batches that hold several samples of each class. Under a distribution strategy, a batch
    is that of one replica. Memory grows with the square of the number of embeddings.

    Args:
        temperature: $\tau > 0$; the lower, the more the nearest embeddings count.
        reduction: as for `JointLoss`.
        name: name of the loss.

    Shape:
        - y_true: class numbers from 0 up, `(batch,)` or `(batch, 1)`. A sample with a negative
          number has no known class: only its own views are its positives. Use that for missing
          labels. The `mask` of a term leaves the sample's own value out, but shows the sample to
          the others as one of class 0.
        - y_pred: embeddings, `(batch, n)`; several views in one output, `(batch, n_views, n)`; or
          a tuple of outputs, one for each view, all `(batch, n)`.
        - result: `(batch,)`.

    Raises:
        ValueError: if the outputs or the label have other shapes, or the temperature is not
            positive.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> species = np.array([0, 0, 1])
        >>> embedding = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        >>> loss = kml.losses.SupervisedContrastiveLoss(temperature=1.0, reduction="none")
        >>> [round(float(x), 3) for x in loss(species, embedding)]
        [0.313, 0.313, 0.0]

    References:
        Khosla et al., "Supervised contrastive learning", NeurIPS 2020.
    """

    def __init__(
        self,
        *,
        temperature: float = 0.1,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "supervised_contrastive",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        self.temperature = check_positive("SupervisedContrastiveLoss", "temperature", temperature)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        where = type(self).__name__
        views = _as_views(where, y_pred)
        label = sparse_label(where, check_one_label(where, y_true), views[:, 0])
        batch, n_views = ops.shape(views)[:2]
        embeddings = ops.reshape(unit(views), (batch * n_views, views.shape[-1]))
        scores = dot_products(embeddings, embeddings) / self.temperature
        is_itself = is_diagonal(scores)
        others = ops.where(is_itself, ops.full_like(scores, -1e9), scores)
        values = ops.logsumexp(others, axis=-1, keepdims=True) - scores
        # Each axis of embeddings as two, of samples and of their views.
        pairs = (batch, n_views, batch, n_views)
        is_positive = ops.logical_and(
            _are_alike(label, scores[::n_views, ::n_views])[:, None, :, None],
            ops.logical_not(ops.reshape(is_itself, pairs)),
        )
        values = ops.reshape(values, pairs)
        sums = ops.sum(ops.where(is_positive, values, ops.zeros_like(values)), axis=(2, 3))
        n_positive = ops.sum(ops.cast(is_positive, "float32"), axis=(2, 3))
        return ops.mean(sums / ops.maximum(n_positive, 1.0), axis=1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "temperature": self.temperature}


def _as_views(where: str, y_pred: Any) -> Any:
    """The embeddings as `(batch, n_views, n)`; raises if they are of another shape."""
    if isinstance(y_pred, (list, tuple)) and y_pred:
        check_matrices(where, tuple(y_pred))
        check_one_shape(where, tuple(y_pred))
        return ops.stack(list(y_pred), axis=1)
    embeddings = check_one_output(where, y_pred)
    n_axes = rank(embeddings)
    if n_axes not in {2, 3}:
        raise error(
            ValueError,
            where,
            "the output is neither one vector nor several views per sample",
            expected="an output of shape (batch, n) or (batch, n_views, n)",
            received=f"shape {static_shape(embeddings)}",
        )
    return embeddings if n_axes == 3 else ops.expand_dims(embeddings, 1)


def _are_alike(label: Any, matrix: Any) -> Any:
    """Which samples are of one class, as far as it is known; each is so with itself."""
    is_known = ops.expand_dims(label >= 0, 1)
    return ops.logical_or(ops.logical_and(same_class(label, matrix), is_known), is_diagonal(matrix))
