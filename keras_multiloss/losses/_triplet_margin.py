"""An anchor that should be nearer to one output than to another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from keras_multiloss._checks import check_bool, check_choice, check_not_negative
from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.losses._input_checks import check_no_label, check_one_shape, check_roles
from keras_multiloss.losses._joint_loss import JointLoss, Reduction
from keras_multiloss.losses._vectors import cosines, lengths, squared_lengths

if TYPE_CHECKING:
    from collections.abc import Callable

Distance = Literal["euclidean", "squared_euclidean", "cosine"]


@serializable
class TripletMarginLoss(JointLoss):
    r"""Hinge of how much farther an anchor is from its negative than from its positive.

    $$\ell = \max(0,\; d(a, p) - d(a, n) + m)$$

    The three embeddings are outputs of one model, such as a network called on three inputs.
    To find triplets within a batch by their classes, use
    `TripletSemiHardLoss`. It needs no label: give the term `labels=None`.

    Args:
        margin: $m \ge 0$, in units of the distance.
        distance: $d$: `"euclidean"`, `"squared_euclidean"` or `"cosine"` (one minus the
            cosine of the angle). At distance zero the gradient of the first is 0.
        swap: whether $d(p, n)$ takes the place of $d(a, n)$ where it is smaller.
        reduction: as for `JointLoss`.
        name: name of the loss.

    Shape:
        - y_true: `None`.
        - y_pred: `(anchor, positive, negative)`, each `(batch, ..., n)`.
        - result: `(batch, ...)`.

    Raises:
        ValueError: if there are not three outputs of one shape, the distance is unknown or
            the margin negative.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> anchor, positive = np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]])
        >>> negative = np.array([[0.0, 5.5]])
        >>> float(kml.losses.TripletMarginLoss()(None, (anchor, positive, negative)))
        0.5

    References:
        Schroff, Kalenichenko and Philbin, "FaceNet: a unified embedding for face recognition
        and clustering", CVPR 2015.
        Balntas et al., "Learning local feature descriptors with triplets and shallow
        convolutional neural networks", BMVC 2016 (swap).
    """

    is_sample_wise = True

    def __init__(
        self,
        *,
        margin: float = 1.0,
        distance: Distance = "euclidean",
        swap: bool = False,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "triplet_margin",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        where = "TripletMarginLoss"
        self.margin = check_not_negative(where, "margin", margin)
        check_choice(where, "distance", distance, _DISTANCES)
        self.distance = distance
        self.swap = check_bool(where, "swap", swap)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        where = type(self).__name__
        check_no_label(where, y_true)
        anchor, positive, negative = check_roles(where, y_pred, "anchor", "positive", "negative")
        check_one_shape(where, (anchor, positive, negative))
        distance = _DISTANCES[self.distance]
        to_negative = distance(anchor, negative)
        if self.swap:
            to_negative = ops.minimum(to_negative, distance(positive, negative))
        return ops.maximum(distance(anchor, positive) - to_negative + self.margin, 0.0)

    def get_config(self) -> dict[str, Any]:
        own = {"margin": self.margin, "distance": self.distance, "swap": self.swap}
        return {**super().get_config(), **own}


_DISTANCES: dict[str, Callable[[Any, Any], Any]] = {
    "euclidean": lambda a, b: lengths(a - b),
    "squared_euclidean": lambda a, b: squared_lengths(a - b),
    "cosine": lambda a, b: 1.0 - cosines(a, b),
}
