"""Classes and boxes of the anchors of an object detector."""

from __future__ import annotations

from typing import Any, Literal, get_args

from keras_multiloss._checks import check_between, check_choice, check_not_negative, check_positive
from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.losses._anchors import BACKGROUND, checked_anchors, smooth_l1, sum_where
from keras_multiloss.losses._focal import sigmoid_focal_crossentropy
from keras_multiloss.losses._giou import giou_loss
from keras_multiloss.losses._joint_loss import JointLoss, Reduction
from keras_multiloss.losses._probabilities import of_classes

BoxLoss = Literal["smooth_l1", "giou", "iou", "diou", "ciou"]


@serializable
class DetectionLoss(JointLoss):
    r"""Focal loss of the anchors' classes plus a loss of their boxes, per positive anchor.

    $$\ell = \frac{1}{\max(1, |P|)} \left(\sum_{a \in P \cup N} \sum_c
    \operatorname{focal}(y_{ac}, z_{ac}) + \lambda \sum_{a \in P} f(b_a, \hat b_a)\right)$$

    $P$ are the anchors of an image that have an object, $N$ those that show background.
    Ignored anchors (too near an object for background, too far for the object) do not count.
    The focal loss of a logit $z$ with $p = \sigma(z)$ is $-\alpha (1-p)^\gamma \log p$ for
    the class of the anchor and $-(1-\alpha) p^\gamma \log(1-p)$ for every other class.

    Both sums are divided by the number of positive anchors of the image, so that images with
    many objects weigh no more than others. An image without any has its class terms only,
    divided by 1; one whose anchors are all ignored has 0.

    With most anchors background, start the bias of the class logits at
    $-\log((1-\pi)/\pi)$ with $\pi = 0.01$, as the paper does: at 0, background dominates the
    first steps.

    Args:
        box_loss: $f$: `"smooth_l1"`, the sum over the four numbers of a box, which can then
            be offsets from the anchor; or `"iou"`, `"giou"`, `"diou"`, `"ciou"`, as in
            `GIoULoss`, for boxes as corners `(y_min, x_min, y_max, x_max)`.
        box_weight: $\lambda \ge 0$, the weight of the boxes.
        alpha: the weight of the class of an anchor, above 0 and up to 1; every other class
            has weight `1 - alpha`. With `None` all have weight 1.
        gamma: the exponent that keeps the loss of easy anchors small, 0 or more; 0 gives
            cross-entropy.
        beta: for `"smooth_l1"`, the distance up to which it is quadratic,
            $d^2 / (2 \beta)$, and from which it is linear, $d - \beta / 2$. Offsets from
            anchors are mostly well below 1, so that at $\beta = 1$ (Fast R-CNN) nearly all
            would be quadratic, with gradients that fade; 1/9 is that of the reference
            implementation of RetinaNet (Detectron, where it is written 0.11).
        reduction: as for `JointLoss`.
        name: name of the loss.

    Shape:
        - y_true: a pair `(class_targets, box_targets)`: `(batch, n_anchors)`, the class number
          from 0 up, -1 for background, -2 for an ignored anchor (as in KerasCV's RetinaNet),
          integers or floats (a number of `n_classes` or more, at which a compiled graph cannot
          raise, is a positive anchor of no class); and `(batch, n_anchors, 4)`, read at positive
          anchors only.
        - y_pred: a pair `(class_logits, boxes)`: `(batch, n_anchors, n_classes)`, logits and
          not probabilities, and `(batch, n_anchors, 4)`.
        - result: parts `"classes"` and `"boxes"` of `(batch,)`, the two sums, each with what
          divides it; the boxes times $\lambda$. `mask="nan"` thus leaves out every image with
          a NaN label; do not use `mask=-1`, which is background here.

    Raises:
        ValueError: if an argument is out of range, if there are not two outputs and two
            labels, or their shapes do not fit.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> class_targets = np.array([[2, -1, -2]])  # an object of class 2, background, ignored
        >>> box_targets = np.array([[[0.0, 0.0, 1.0, 1.0]] * 3])
        >>> class_logits, boxes = np.zeros((1, 3, 4)), np.array([[[0.0, 0.0, 1.0, 2.0]] * 3])
        >>> loss = kml.losses.DetectionLoss(box_loss="giou", alpha=0.5, gamma=0.0)
        >>> round(float(loss((class_targets, box_targets), (class_logits, boxes))), 3)
        3.273
        >>> round(8 * 0.5 * float(np.log(2)) + 0.5, 3)  # 2 anchors of 4 classes, half a box
        3.273

    References:
        Lin et al., "Focal loss for dense object detection", ICCV 2017.
        Girshick, "Fast R-CNN", ICCV 2015 (smooth L1).
        Rezatofighi et al., "Generalized intersection over union: a metric and a loss for
        bounding box regression", CVPR 2019.
        Zheng et al., "Distance-IoU loss: faster and better learning for bounding box
        regression", AAAI 2020.
    """

    is_sample_wise = True

    def __init__(
        self,
        *,
        box_loss: BoxLoss = "smooth_l1",
        box_weight: float = 1.0,
        alpha: float | None = 0.25,
        gamma: float = 2.0,
        beta: float = 1 / 9,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "detection",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        where = "DetectionLoss"
        check_choice(where, "box_loss", box_loss, get_args(BoxLoss))
        self.box_loss = box_loss
        self.box_weight = check_not_negative(where, "box_weight", box_weight)
        self.alpha = None if alpha is None else _check_alpha(where, alpha)
        self.gamma = check_not_negative(where, "gamma", gamma)
        self.beta = check_positive(where, "beta", beta)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        where = type(self).__name__
        classes, box_targets, logits, boxes = checked_anchors(where, y_true, y_pred)
        is_positive, is_counted = classes > BACKGROUND, classes >= BACKGROUND
        class_terms = sum_where(is_counted, self._class_terms(classes, logits))
        box_terms = sum_where(is_positive, self._box_terms(is_positive, box_targets, boxes))
        divisor = ops.maximum(ops.sum(ops.cast(is_positive, "float32"), axis=1), 1.0)
        return {"classes": class_terms / divisor, "boxes": self.box_weight * box_terms / divisor}

    def _class_terms(self, classes: Any, logits: Any) -> Any:
        """The focal loss of each anchor; one without an object has no class."""
        label = of_classes(classes, logits)
        return sigmoid_focal_crossentropy(
            label, logits, alpha=self.alpha, gamma=self.gamma, from_logits=True
        )

    def _box_terms(self, is_positive: Any, targets: Any, boxes: Any) -> Any:
        """The loss of each box; those that do not count are made equal and harmless."""
        is_positive = is_positive[..., None]
        boxes = ops.where(is_positive, boxes, ops.ones_like(boxes))
        targets = ops.where(is_positive, ops.cast(targets, "float32"), ops.ones_like(boxes))
        if self.box_loss == "smooth_l1":
            return ops.sum(smooth_l1(targets - boxes, self.beta), axis=-1)
        return giou_loss(targets, boxes, mode=self.box_loss)

    def get_config(self) -> dict[str, Any]:
        own = {
            "box_loss": self.box_loss,
            "box_weight": self.box_weight,
            "alpha": self.alpha,
            "gamma": self.gamma,
            "beta": self.beta,
        }
        return {**super().get_config(), **own}


def _check_alpha(where: str, alpha: float) -> float:
    """The value; 0 is refused, as the focal loss takes it for no weights at all."""
    return check_between(where, "alpha", check_positive(where, "alpha", alpha), 0.0, 1.0)
