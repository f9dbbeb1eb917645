"""Two towers: queries that should find their items among those of the batch."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from keras_multiloss._checks import check_bool, check_positive
from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.evaluation import static_shape
from keras_multiloss.losses._input_checks import (
    check_labels,
    check_matrices,
    check_one_label,
    check_one_shape,
    check_roles,
    one_number_a_sample,
)
from keras_multiloss.losses._joint_loss import JointLoss, Reduction
from keras_multiloss.losses._pairs import positive_and_negative_pairs
from keras_multiloss.losses._vectors import dot_products, is_diagonal, unit

#: Temperatures that the model gives count as this much at least, so that no score is infinite.
MIN_TEMPERATURE = 1e-6


@serializable
class InBatchSoftmaxLoss(JointLoss):
    r"""Cross-entropy of finding the item of each query among all items of the batch.

    $$\ell_i = -\log \frac{e^{s_{ii}}}{\sum_j e^{s_{ij}}},\quad
    s_{ij} = \frac{\langle u_i, v_j\rangle}{\tau} - \log Q_j$$

    Popular items are in a batch more often and so are negatives more often. $Q_j$, the
    probability that item $j$ is in a batch, corrects for that: give its logarithm as the
    label, `LossTerm(InBatchSoftmaxLoss(), ["query", "item"], "log_q")`. Without a label
    (`labels=None`) there is no correction.

    CLIP's loss is `InBatchSoftmaxLoss(normalize=True, symmetric=True)` with the outputs
    `["image", "text", "temperature"]`, where the temperature is learned.

    Args:
        temperature: $\tau > 0$. A third output is a factor of it.
        normalize: whether the vectors are scaled to length 1 first.
        symmetric: whether the value is the mean of two cross-entropies: that of finding the
            item of each query, and that of finding the query of each item. In the second,
            $\log Q$ cancels.
        remove_accidental_hits: whether items of the batch that are the same as the query's own
            item do not count as its negatives. The label then says which items are the same.
        reduction: as for `JointLoss`.
        name: name of the loss.

    Shape:
        - y_true: `None`, or log Q. With `remove_accidental_hits=True`, the number of the item
          (an integer), or the pair `(log_q, item_id)`. Each is `(batch,)` or `(batch, 1)`.
        - y_pred: a pair `(query, item)`, both `(batch, n)`; or a triple `(query, item,
          temperature)`. The temperature is one number above 0, or one for each query as
          `(batch,)` or `(batch, 1)`. A single learned number is repeated over the batch, as
          outputs of Keras have a batch axis.
        - result: `(batch,)`. Where a label is missing, the sample's own value is left out, and
          its item stays a candidate of the other queries with log Q = 0 and the number 0.

    Raises:
        ValueError: if the first two outputs are not matrices of one shape, the temperature or
            a label is not one number per sample, there are more labels than the loss takes, or
            the temperature is not positive.

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
        >>> item_id = np.array([7, 7])
        >>> loss = kml.losses.InBatchSoftmaxLoss(remove_accidental_hits=True)
        >>> float(loss(item_id, (query, item)))
        0.0

    References:
        Yi et al., "Sampling-bias-corrected neural modeling for large corpus item
        recommendations", RecSys 2019.
        Radford et al., "Learning transferable visual models from natural language
        supervision", ICML 2021 (symmetric, learned temperature).
    """

    #: Files of earlier versions lack these.
    ADDED_LATER: ClassVar[tuple[str, ...]] = ("symmetric", "remove_accidental_hits")

    def __init__(
        self,
        *,
        temperature: float = 1.0,
        normalize: bool = False,
        symmetric: bool = False,
        remove_accidental_hits: bool = False,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "in_batch_softmax",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        where = "InBatchSoftmaxLoss"
        self.temperature = check_positive(where, "temperature", temperature)
        self.normalize = check_bool(where, "normalize", normalize)
        self.symmetric = check_bool(where, "symmetric", symmetric)
        self.remove_accidental_hits = check_bool(
            where, "remove_accidental_hits", remove_accidental_hits
        )

    def call(self, y_true: Any, y_pred: Any) -> Any:
        scores = self._scores(y_pred)
        labels = self._labels(y_true, scores)
        if "log_q" in labels:
            log_q = ops.cast(labels["log_q"], "float32")
            scores = scores - ops.reshape(log_q, (1, ops.shape(scores)[1]))
        if "item_id" in labels:
            is_hit, _ = positive_and_negative_pairs(labels["item_id"], scores)
            scores = ops.where(is_hit, ops.full_like(scores, -math.inf), scores)
        values = _cross_entropy_of_diagonal(scores)
        if self.symmetric:
            values = 0.5 * (values + _cross_entropy_of_diagonal(ops.transpose(scores)))
        return values

    def _scores(self, y_pred: Any) -> Any:
        """The score of each query with each item."""
        where = type(self).__name__
        has_temperature = isinstance(y_pred, (list, tuple)) and len(y_pred) == 3
        roles = ("query", "item", *(["temperature"] if has_temperature else []))
        query, item, *given = check_roles(where, y_pred, *roles)
        check_matrices(where, (query, item))
        check_one_shape(where, (query, item))
        if self.normalize:
            query, item = unit(query), unit(item)
        scores = dot_products(query, item) / self.temperature
        if has_temperature:
            scores = scores / ops.maximum(_as_factors(where, given[0], scores), MIN_TEMPERATURE)
        return scores

    def _labels(self, y_true: Any, scores: Any) -> dict[str, Any]:
        """One number per sample for each role that has a label."""
        where = type(self).__name__
        if self.remove_accidental_hits and isinstance(y_true, tuple):
            log_q, item_id = check_labels(where, y_true, "log_q", "item_id")
            labels = {"log_q": log_q, "item_id": item_id}
        elif self.remove_accidental_hits:
            labels = {"item_id": check_one_label(where, y_true)}
        else:
            labels = {} if y_true is None else {"log_q": check_one_label(where, y_true)}
        return {
            role: one_number_a_sample(where, f"the label `{role}`", label, scores)
            for role, label in labels.items()
        }

    def get_config(self) -> dict[str, Any]:
        own = {
            "temperature": self.temperature,
            "normalize": self.normalize,
            "symmetric": self.symmetric,
            "remove_accidental_hits": self.remove_accidental_hits,
        }
        return {**super().get_config(), **own}


def _as_factors(where: str, temperature: Any, scores: Any) -> Any:
    """A temperature for the scores of each query, or one for all."""
    if static_shape(temperature) in {(), (1,), (1, 1)}:
        return ops.reshape(temperature, (1, 1))
    factors = one_number_a_sample(where, "the temperature", temperature, scores)
    return ops.reshape(factors, (ops.shape(scores)[0], 1))


def _cross_entropy_of_diagonal(scores: Any) -> Any:
    """The cross-entropy of finding, in each row of a square matrix, the entry on the diagonal."""
    log_p = ops.log_softmax(scores, axis=-1)
    return -ops.sum(ops.where(is_diagonal(log_p), log_p, ops.zeros_like(log_p)), axis=-1)
