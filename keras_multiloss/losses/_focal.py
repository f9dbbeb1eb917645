"""Cross-entropy that counts easy examples less."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_multiloss._checks import check_bool, check_finite_number, check_not_negative
from keras_multiloss._platform import dtype_name, is_tensor, keras, ops
from keras_multiloss.evaluation import to_tensor
from keras_multiloss.losses._addons_loss import (
    AddonsLoss,
    AddonsReduction,
    from_addons,
    in_working_precision,
    without_tensor,
)

#: Keeps the gradient of a power finite; far above the least number of float32, 1e-38.
TINY = 1e-37


@from_addons("vector")
def sigmoid_focal_crossentropy(
    y_true: Any, y_pred: Any, alpha: Any = 0.25, gamma: Any = 2.0, from_logits: bool = False
) -> Any:
    """The focal loss of each row; see `SigmoidFocalCrossEntropy` for the formula.

    Args:
        y_true: labels from 0 to 1, `(batch, ..., n)`.
        y_pred: probabilities or logits of the same shape.
        alpha: as for `SigmoidFocalCrossEntropy`; also a tensor that broadcasts.
        gamma: as for `SigmoidFocalCrossEntropy`; also a tensor that broadcasts.
        from_logits: whether `y_pred` holds logits.

    Returns:
        The sum over the last axis, `(batch, ...)`, in the dtype of `y_pred`.

    Raises:
        ValueError: if `gamma` is a negative number.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> label, output = np.array([[1.0, 0.0]]), np.array([[0.5, 0.5]])
        >>> values = kml.losses.sigmoid_focal_crossentropy(label, output)
        >>> [round(float(x), 3) for x in values]
        [0.173]
    """
    y_true, y_pred, dtype = in_working_precision(y_true, y_pred)
    log_p, log_not_p, p, not_p = (_of_logits if from_logits else _of_probabilities)(y_pred)
    values = -(y_true * log_p + (1.0 - y_true) * log_not_p)
    if _is_given(alpha):
        alpha = ops.cast(to_tensor(alpha), dtype_name(y_pred))
        values = values * (y_true * alpha + (1.0 - y_true) * (1.0 - alpha))
    if _is_given(gamma):
        # The probability of the other class, as a sum that keeps its digits near 0.
        missed = y_true * not_p + (1.0 - y_true) * p
        values = values * _power(missed, gamma)
    return ops.cast(ops.sum(values, axis=-1), dtype)


@from_addons("vector")
class SigmoidFocalCrossEntropy(AddonsLoss):
    r"""Focal loss: binary cross-entropy that counts well-classified examples less.

    $$\ell = -\sum_j \alpha_j\,(1-p_j)^\gamma \log p_j,\quad
    (p_j, \alpha_j) = \begin{cases} (\hat y_j,\; \alpha) & y_j = 1 \\
    (1-\hat y_j,\; 1-\alpha) & y_j = 0 \end{cases}$$

    For a label between 0 and 1, the cross-entropy, $p_j$ and $\alpha_j$ each lie between
    those of the two cases. From logits, values and gradients are finite for any finite
    output; the logarithm of a probability is taken after clipping by Keras's epsilon, 1e-7.

    Args:
        from_logits: whether the outputs are logits rather than probabilities.
        alpha: the weight of the label 1, usually between 0 and 1; `None` or 0 leaves the
            weights of both labels at 1.
        gamma: how much less easy examples count, 0 or more; `None` or 0 gives plain
            cross-entropy.
        reduction: `"none"`, `"sum"`, or `"sum_over_batch_size"` (also called `"auto"`). A
            model compiled with `"none"` trains on the sum over the batch in TensorFlow, and
            not at all on the other backends; inside a term it means the mean.
        name: name of the loss.

    Shape:
        - y_true, y_pred: `(batch, ..., n)`.
        - values: `(batch, ...)`, the sum over the last axis.

    Raises:
        ValueError: if `gamma` is negative, or the reduction is unknown.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> loss = kml.losses.SigmoidFocalCrossEntropy(from_logits=True, reduction="sum")
        >>> round(float(loss(np.array([[1.0]]), np.array([[0.0]]))), 3)
        0.043
        >>> round(float(loss(np.array([[0.0]]), np.array([[100.0]]))), 3)
        75.0

    References:
        Lin et al., "Focal loss for dense object detection", ICCV 2017.
    """

    is_sample_wise = True
    function = sigmoid_focal_crossentropy
    arguments = ("alpha", "gamma", "from_logits")

    def __init__(
        self,
        from_logits: bool = False,
        alpha: float | None = 0.25,
        gamma: float | None = 2.0,
        reduction: AddonsReduction = "none",
        name: str | None = "sigmoid_focal_crossentropy",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        where, alpha, gamma = type(self).__name__, without_tensor(alpha), without_tensor(gamma)
        self.from_logits = check_bool(where, "from_logits", from_logits)
        self.alpha = None if alpha is None else check_finite_number(where, "alpha", alpha)
        self.gamma = None if gamma is None else check_not_negative(where, "gamma", gamma)


def _of_logits(logits: Any) -> tuple[Any, Any, Any, Any]:
    """The logarithms of the probability and of its complement, and both themselves."""
    log_p, log_not_p = -ops.softplus(-logits), -ops.softplus(logits)
    return log_p, log_not_p, ops.sigmoid(logits), ops.sigmoid(-logits)


def _of_probabilities(p: Any) -> tuple[Any, Any, Any, Any]:
    epsilon = keras.backend.epsilon()
    clipped = ops.clip(p, epsilon, 1.0 - epsilon)
    # As Keras 2 does it, so that files go on with the same values.
    return ops.log(clipped + epsilon), ops.log(1.0 - clipped + epsilon), p, 1.0 - p


def _is_given(value: Any) -> bool:
    """Whether a weight or a power is more than `None` or the number 0, which mean none."""
    return value is not None and (ops.is_tensor(value) or bool(np.any(value)))


def _power(base: Any, gamma: Any) -> Any:
    if not is_tensor(gamma):
        check_not_negative("sigmoid_focal_crossentropy", "gamma", gamma)
    gamma = ops.cast(to_tensor(gamma), dtype_name(base))
    return ops.power(ops.maximum(base, TINY), gamma)
