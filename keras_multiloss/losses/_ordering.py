"""Outputs that ought to come in an order."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_not_negative
from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.losses._input_checks import check_no_label, check_one_shape, check_several
from keras_multiloss.losses._joint_loss import JointLoss, Reduction


@serializable
class OrderingLoss(JointLoss):
    r"""Violation of the order $\hat y_1 \le \hat y_2 \le \dots \le \hat y_T$ of outputs.

    $$\ell = \frac{1}{T-1} \sum_{t=1}^{T-1} \max(0,\; \hat y_t - \hat y_{t+1} + m)$$

    It is zero where each output exceeds the one before it by the margin: a minimum, a mean
    and a maximum, or the probability of an event within one, five and ten years. It needs no
    label: give the term `labels=None`. For falling outputs, name them in reverse.

    Args:
        margin: $m \ge 0$, by how much each output has to exceed the one before it.
        reduction: as for `JointLoss`.
        name: name of the loss.

    Shape:
        - y_true: `None`.
        - y_pred: a tuple of two or more outputs of one shape, the lowest first.
        - result: of the shape of an output.

    Raises:
        ValueError: if there are not several outputs of one shape, or the margin is negative.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> low, middle, high = np.array([[1.0]]), np.array([[3.0]]), np.array([[2.0]])
        >>> loss = kml.losses.OrderingLoss()
        >>> float(loss(None, (low, middle, high)))
        0.5
        >>> float(loss(None, (low, high, middle)))
        0.0

    References:
        Burges et al., "Learning to rank using gradient descent", ICML 2005, for pairs of
        scores in an order; the hinge is that of Joachims, "Optimizing search engines using
        clickthrough data", KDD 2002.
    """

    is_sample_wise = True

    def __init__(
        self,
        *,
        margin: float = 0.0,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "ordering",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        self.margin = check_not_negative("OrderingLoss", "margin", margin)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        where = type(self).__name__
        check_no_label(where, y_true)
        outputs = check_several(where, y_pred)
        check_one_shape(where, outputs)
        return violation(outputs, self.margin)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "margin": self.margin}


def violation(outputs: tuple[Any, ...], margin: float) -> Any:
    """The mean, over neighbours, of how far the lower is from lying a margin below the upper."""
    lower, upper = ops.stack(outputs[:-1]), ops.stack(outputs[1:])
    return ops.mean(ops.maximum(lower - upper + margin, 0.0), axis=0)
