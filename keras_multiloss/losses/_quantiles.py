"""Several quantiles of one label."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_finite_number, check_not_negative
from keras_multiloss._container_checks import check_is_list
from keras_multiloss._messages import error
from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.evaluation import align, same_shape
from keras_multiloss.losses._input_checks import check_one_label, check_one_shape, check_several
from keras_multiloss.losses._joint_loss import JointLoss, Reduction
from keras_multiloss.losses._ordering import violation


@serializable
class NonCrossingQuantileLoss(JointLoss):
    r"""Pinball losses of several quantiles of one label, and a penalty where they cross.

    $$\ell = \frac1T \sum_{t=1}^{T} \max\left(\tau_t (y-\hat q_t),\, (\tau_t-1)(y-\hat q_t)\right)
    + \frac{\lambda}{T-1} \sum_{t=1}^{T-1} \max(0,\; \hat q_t - \hat q_{t+1} + m)$$

    Heads that are trained one by one give quantiles in the wrong order where data is scarce.
    The penalty makes that rare, not impossible; a head that predicts the lowest quantile and
    the steps up from it, each through a softplus, makes it impossible and needs no penalty.

    Args:
        quantiles: $\tau_1 < \dots < \tau_T$, between 0 and 1; one for each output.
        crossing_weight: $\lambda \ge 0$.
        margin: $m \ge 0$, how far apart neighbours have to be, in units of the label.
        reduction: as for `JointLoss`.
        name: name of the loss.

    Shape:
        - y_true: `(batch,)` or of the shape of an output.
        - y_pred: a tuple of one output for each quantile, of one shape, such as `(batch, 1)`.
        - result: of the shape of an output, so that a mask leaves out single entries.

    Raises:
        ValueError: if the quantiles do not increase between 0 and 1, there is not one output
            for each, or not one label.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> loss = kml.losses.NonCrossingQuantileLoss([0.1, 0.9])
        >>> label, low, high = np.array([[2.0]]), np.array([[1.0]]), np.array([[3.0]])
        >>> round(float(loss(label, (low, high))), 3)
        0.1
        >>> round(float(loss(label, (high, low))), 3)
        2.9

    References:
        Koenker and Bassett, "Regression quantiles", Econometrica, 1978.
        Takeuchi et al., "Nonparametric quantile estimation", JMLR, 2006 (non-crossing).
    """

    is_sample_wise = True

    def __init__(
        self,
        quantiles: list[float],
        *,
        crossing_weight: float = 1.0,
        margin: float = 0.0,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "non_crossing_quantile",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        where = "NonCrossingQuantileLoss"
        self.quantiles = _check_quantiles(where, quantiles)
        self.crossing_weight = check_not_negative(where, "crossing_weight", crossing_weight)
        self.margin = check_not_negative(where, "margin", margin)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        where = type(self).__name__
        outputs = check_several(where, y_pred)
        check_one_shape(where, outputs)
        self._check_one_output_a_quantile(outputs)
        label, _ = align(check_one_label(where, y_true), outputs[0])
        label = ops.cast(same_shape(where, label, outputs[0]), "float32")
        pairs = zip(self.quantiles, outputs, strict=True)
        errors = ops.stack([_pinball(label - output, tau) for tau, output in pairs])
        crossing = violation(outputs, self.margin)
        return ops.mean(errors, axis=0) + self.crossing_weight * crossing

    def _check_one_output_a_quantile(self, outputs: tuple[Any, ...]) -> None:
        if len(outputs) != len(self.quantiles):
            raise error(
                ValueError,
                type(self).__name__,
                "`quantiles` does not fit the outputs",
                expected=f"one quantile for each of {len(outputs)} outputs",
                received=f"quantiles={self.quantiles}",
            )

    def get_config(self) -> dict[str, Any]:
        own = {
            "quantiles": list(self.quantiles),
            "crossing_weight": self.crossing_weight,
            "margin": self.margin,
        }
        return {**super().get_config(), **own}


def _pinball(error_of_output: Any, tau: float) -> Any:
    return ops.maximum(tau * error_of_output, (tau - 1.0) * error_of_output)


def _check_quantiles(where: str, quantiles: Any) -> list[float]:
    given = check_is_list(where, "quantiles", quantiles)
    numbers = [check_finite_number(where, "quantiles", tau) for tau in given]
    if sorted({0.0, *numbers, 1.0}) != [0.0, *numbers, 1.0] or len(numbers) < 2:
        raise error(
            ValueError,
            where,
            "`quantiles` do not increase between 0 and 1",
            expected="two or more numbers between 0 and 1, each above the one before it",
            received=repr(numbers),
        )
    return numbers
