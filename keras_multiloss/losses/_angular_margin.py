"""Classification by angle, with a margin between the classes."""

from __future__ import annotations

import math
from typing import Any

from keras_multiloss._checks import check_between, check_not_negative, check_positive
from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.evaluation import sparse_label
from keras_multiloss.losses._input_checks import check_one_label, check_one_output
from keras_multiloss.losses._joint_loss import JointLoss, Reduction

#: Keeps the gradient of the sine finite where a cosine is 1 or -1.
EPSILON = 1e-7


class AngularMarginLoss(JointLoss):
    """Cross-entropy of scaled cosines, with a margin for the classes of the labels.

    A subclass sets `margin` and `scale`, and gives the cosines their margin.
    """

    is_sample_wise = True
    kind = "sparse"
    margin: float
    scale: float

    def with_margin(self, cosines: Any) -> Any:
        """The cosines with the margin, to use for the classes of the labels."""
        raise NotImplementedError

    def call(self, y_true: Any, y_pred: Any) -> Any:
        where = type(self).__name__
        cosines = check_one_output(where, y_pred)
        label = sparse_label(where, check_one_label(where, y_true), cosines)
        is_class = ops.one_hot(ops.cast(label, "int32"), cosines.shape[-1])
        cosines = ops.where(ops.cast(is_class, "bool"), self.with_margin(cosines), cosines)
        log_p = ops.log_softmax(self.scale * cosines, axis=-1)
        return -ops.sum(ops.cast(is_class, "float32") * log_p, axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "margin": self.margin, "scale": self.scale}


@serializable
class ArcFaceLoss(AngularMarginLoss):
    r"""Cross-entropy of cosines, with a margin that is added to the angle of the label's class.

    $$\ell = -\log \frac{e^{s \cos(\theta_y + m)}}
    {e^{s \cos(\theta_y + m)} + \sum_{j \ne y} e^{s \cos\theta_j}}$$

    The output is the cosine of the angle $\theta_j$ between an embedding and the vector of
    each class. These vectors are the weights of a layer, `kml.layers.CosineDense`; the loss
    has none. Where $\theta_y + m$ exceeds $\pi$, $\cos\theta_y - m \sin m$ takes the place of
    the cosine, so that a larger angle never costs less.

    Args:
        margin: $m$, in radians, from 0 to $\pi/2$.
        scale: $s > 0$, the length to which the paper scales the embeddings.
        reduction: as for `JointLoss`.
        name: name of the loss.

    Shape:
        - y_true: class numbers from 0 up, `(batch, ...)` or `(batch, ..., 1)`. A number that no
          class has gives 0, as a compiled graph cannot raise.
        - y_pred: one output, cosines from -1 to 1 as `(batch, ..., n_classes)`, not logits.
        - result: `(batch, ...)`.

    Raises:
        ValueError: if there is not one output and one label that fits it, or an argument is
            out of range.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> cosines, label = np.array([[0.5, 0.0]]), np.array([0])
        >>> round(float(kml.losses.ArcFaceLoss(margin=0.5, scale=2.0)(label, cosines)), 3)
        0.67
        >>> round(float(kml.losses.ArcFaceLoss(margin=0.0, scale=2.0)(label, cosines)), 3)
        0.313

    References:
        Deng et al., "ArcFace: additive angular margin loss for deep face recognition", CVPR
        2019.
    """

    def __init__(
        self,
        *,
        margin: float = 0.5,
        scale: float = 64.0,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "arc_face",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        self.margin = check_between("ArcFaceLoss", "margin", margin, 0.0, math.pi / 2)
        self.scale = check_positive("ArcFaceLoss", "scale", scale)

    def with_margin(self, cosines: Any) -> Any:
        sines = ops.sqrt(ops.maximum(1.0 - ops.square(cosines), EPSILON))
        moved = cosines * math.cos(self.margin) - sines * math.sin(self.margin)
        is_within_pi = cosines > -math.cos(self.margin)
        return ops.where(is_within_pi, moved, cosines - self.margin * math.sin(self.margin))


@serializable
class CosFaceLoss(AngularMarginLoss):
    r"""Cross-entropy of cosines, with a margin taken from the cosine of the label's class.

    $$\ell = -\log \frac{e^{s (\cos\theta_y - m)}}
    {e^{s (\cos\theta_y - m)} + \sum_{j \ne y} e^{s \cos\theta_j}}$$

    The output is the cosine of the angle $\theta_j$ between an embedding and the vector of
    each class. These vectors are the weights of a layer, `kml.layers.CosineDense`; the loss
    has none.

    Args:
        margin: $m \ge 0$, in units of the cosine.
        scale: $s > 0$, the length to which the paper scales the embeddings.
        reduction: as for `JointLoss`.
        name: name of the loss.

    Shape:
        - y_true: class numbers from 0 up, `(batch, ...)` or `(batch, ..., 1)`. A number that no
          class has gives 0, as a compiled graph cannot raise.
        - y_pred: one output, cosines from -1 to 1 as `(batch, ..., n_classes)`, not logits.
        - result: `(batch, ...)`.

    Raises:
        ValueError: if there is not one output and one label that fits it, or an argument is
            out of range.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> cosines, label = np.array([[0.5, 0.0]]), np.array([0])
        >>> loss = kml.losses.CosFaceLoss(margin=0.5, scale=2.0)
        >>> round(float(np.exp(-loss(label, cosines))), 3)
        0.5

    References:
        Wang et al., "CosFace: large margin cosine loss for deep face recognition", CVPR 2018.
    """

    def __init__(
        self,
        *,
        margin: float = 0.35,
        scale: float = 64.0,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "cos_face",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        self.margin = check_not_negative("CosFaceLoss", "margin", margin)
        self.scale = check_positive("CosFaceLoss", "scale", scale)

    def with_margin(self, cosines: Any) -> Any:
        return cosines - self.margin
