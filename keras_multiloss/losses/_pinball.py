"""The loss of one quantile."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_between
from keras_multiloss._platform import dtype_name, ops
from keras_multiloss.evaluation import to_tensor
from keras_multiloss.losses._addons_loss import (
    AddonsLoss,
    AddonsReduction,
    from_addons,
    in_working_precision,
    without_tensor,
)


@from_addons("elementwise")
def pinball_loss(y_true: Any, y_pred: Any, tau: Any = 0.5) -> Any:
    """The pinball loss of each row; see `PinballLoss` for the formula and its source.

    Args:
        y_true: labels, `(batch, ..., n)`.
        y_pred: outputs, of the same shape.
        tau: the quantile, between 0 and 1; a number or a tensor that broadcasts.

    Returns:
        The mean over the last axis, `(batch, ...)`, in the dtype of `y_pred`.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> label, low = np.array([[1.0, 1.0]]), np.array([[0.0, 2.0]])
        >>> [round(float(x), 3) for x in kml.losses.pinball_loss(label, low, tau=0.1)]
        [0.5]
    """
    y_true, y_pred, dtype = in_working_precision(y_true, y_pred)
    error = y_true - y_pred
    tau = ops.cast(to_tensor(tau), dtype_name(y_pred))
    values = ops.maximum(tau * error, (tau - 1.0) * error)
    return ops.cast(ops.mean(values, axis=-1), dtype)


@from_addons("elementwise")
class PinballLoss(AddonsLoss):
    r"""Pinball (quantile) loss, whose mean is least at a quantile of the labels.

    $$\ell = \langle \max(\tau\,(y-\hat y),\; (\tau-1)\,(y-\hat y)) \rangle$$

    Args:
        tau: the quantile, between 0 and 1: 0.5 gives half the absolute error, whose minimum
            is the median.
        reduction: `"auto"` (which is `"sum_over_batch_size"`), `"sum"` or `"none"`.
        name: name of the loss.

    Shape:
        - y_true, y_pred: `(batch, ..., n)`.
        - values: `(batch, ...)`, the mean over the last axis.

    Raises:
        ValueError: if `tau` is not between 0 and 1, or the reduction is unknown.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> label, low = np.array([[1.0], [1.0]]), np.array([[0.0], [2.0]])
        >>> round(float(kml.losses.PinballLoss(tau=0.1)(label, low)), 3)
        0.5

    References:
        Koenker and Bassett, "Regression quantiles", Econometrica, 1978.
    """

    is_sample_wise = True
    function = pinball_loss
    arguments = ("tau",)

    def __init__(
        self,
        tau: float = 0.5,
        reduction: AddonsReduction = "auto",
        name: str = "pinball_loss",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        self.tau = check_between("PinballLoss", "tau", without_tensor(tau), 0.0, 1.0)
