"""Predictions that ought to be certain, or not too certain."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_bool
from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.losses._input_checks import (
    check_no_label,
    check_one_output,
    check_several_classes,
)
from keras_multiloss.losses._joint_loss import JointLoss, Reduction
from keras_multiloss.losses._probabilities import log_categorical


@serializable
class EntropyPenalty(JointLoss):
    r"""Entropy of the predicted class distribution.

    $$\ell = -\sum_i p_i \log p_i$$

    It lies between 0 (one class is certain) and the logarithm of the number of classes (all
    are equally likely). With a positive weight, predictions become certain, also those of
    samples that have no label (entropy minimization). With a negative weight, such as
    `LossTerm(EntropyPenalty(), "species", labels=None, weight=-0.1)`, certain predictions cost
    something (confidence penalty). It needs no label: give the term `labels=None`.

    Args:
        from_logits: whether the output holds logits rather than probabilities.
        reduction: as for `JointLoss`.
        name: name of the loss.

    Shape:
        - y_true: `None`.
        - y_pred: one output, `(batch, ..., n_classes)`.
        - result: `(batch, ...)`.

    Raises:
        ValueError: if there is not one output of two or more classes, or there is a label.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> loss = kml.losses.EntropyPenalty(reduction="none")
        >>> values = loss(None, np.array([[0.5, 0.5], [0.9, 0.1], [1.0, 0.0]]))
        >>> [round(float(x), 3) for x in values]
        [0.693, 0.325, 0.0]

    References:
        Grandvalet and Bengio, "Semi-supervised learning by entropy minimization", NIPS 2004.
        Pereyra et al., "Regularizing neural networks by penalizing confident output
        distributions", ICLR workshop 2017 (a negative weight).
    """

    is_sample_wise = True

    def __init__(
        self,
        *,
        from_logits: bool = False,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "entropy_penalty",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        self.from_logits = check_bool("EntropyPenalty", "from_logits", from_logits)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        where = type(self).__name__
        check_no_label(where, y_true)
        output = check_one_output(where, y_pred)
        check_several_classes(where, output, "give both classes, 1 - p and p")
        log_p = log_categorical(output, from_logits=self.from_logits)
        p = ops.exp(log_p) if self.from_logits else output
        return ops.sum(p * -log_p, axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "from_logits": self.from_logits}
