"""The loss of distances between pairs of samples that are alike or not."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_finite_number
from keras_multiloss._platform import dtype_name, ops
from keras_multiloss.losses._addons_loss import (
    AddonsLoss,
    AddonsReduction,
    as_float,
    at_least_float32,
    from_addons,
)


@from_addons("elementwise")
def contrastive_loss(y_true: Any, y_pred: Any, margin: Any = 1.0) -> Any:
    """The contrastive loss of each distance; see `ContrastiveLoss` for formula and source.

    Args:
        y_true: 1 where the two samples of a pair are alike, 0 where they are not.
        y_pred: the distances of the pairs, of the same shape.
        margin: the distance beyond which two samples that are not alike have no loss.

    Returns:
        A value for each distance, in the dtype of `y_pred`.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> alike, distance = np.array([1, 0, 0]), np.array([0.5, 0.5, 3.0])
        >>> [float(x) for x in kml.losses.contrastive_loss(alike, distance)]
        [0.25, 0.25, 0.0]
    """
    y_pred = as_float(y_pred)
    distance = at_least_float32(y_pred)
    alike = ops.cast(y_true, dtype_name(distance))
    missing = ops.maximum(ops.cast(margin, dtype_name(distance)) - distance, 0.0)
    values = alike * ops.square(distance) + (1.0 - alike) * ops.square(missing)
    return ops.cast(values, dtype_name(y_pred))


@from_addons("elementwise")
class ContrastiveLoss(AddonsLoss):
    r"""Contrastive loss: pairs that are alike get close, others get at least a margin apart.

    $$\ell = y\,d^2 + (1-y)\,\max(0,\; m-d)^2$$

    The output is itself a distance $d$ between the two samples of a pair. (The paper halves
    the loss and marks with 1 the pairs that are not alike.)

    Args:
        margin: $m$, the distance beyond which a pair that is not alike has no loss.
        reduction: `"sum_over_batch_size"` (also called `"auto"`), `"sum"` or `"none"`.
        name: name of the loss.

    Shape:
        - y_true: `(batch,)` or `(batch, ...)`: 1 for a pair that is alike, else 0.
        - y_pred: distances of the same shape.
        - values: of the same shape. The mean of an empty batch is 0.

    Raises:
        ValueError: for an unknown reduction, or a margin that is not finite.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> alike, distance = np.array([1.0, 0.0]), np.array([0.5, 1.5])
        >>> float(kml.losses.ContrastiveLoss(margin=2.0)(alike, distance))
        0.25

    References:
        Hadsell, Chopra and LeCun, "Dimensionality reduction by learning an invariant
        mapping", CVPR 2006.
    """

    is_sample_wise = True
    function = contrastive_loss
    arguments = ("margin",)

    def __init__(
        self,
        margin: float = 1.0,
        reduction: AddonsReduction = "sum_over_batch_size",
        name: str = "contrastive_loss",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        self.margin = check_finite_number("ContrastiveLoss", "margin", margin)
