"""Classes and boxes of anchors, with as many negatives as the positives allow."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_not_negative, check_positive
from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.losses._anchors import BACKGROUND, checked_anchors, smooth_l1, sum_where
from keras_multiloss.losses._joint_loss import JointLoss, Reduction


@serializable
class MultiBoxLoss(JointLoss):
    r"""Cross-entropy of the anchors' classes, of the hardest negatives only, plus their boxes.

    $$\ell = \frac{1}{\max(1, |P|)} \left(-\sum_{a \in P} \log p_{a, c_a}
    - \sum_{a \in H} \log p_{a, 0} + \lambda \sum_{a \in P} \sum_{j=1}^{4}
    \operatorname{smooth}_{L1}(b_{aj} - \hat b_{aj})\right),\quad
    p_a = \operatorname{softmax}(z_a)$$

    The loss of the single-shot detector (SSD). $P$ are the anchors of an image that have an
    object. $H$ are its hard negatives: of those that show background, the ones with the largest
    loss $-\log p_{a, 0}$, up to `negatives_per_positive` for each positive anchor. Of two
    equal losses, that of the earlier anchor counts. Which anchors these are has no gradient.
    Ignored anchors do not count.

    An image without objects has no negatives either, as in SSD, and a loss of 0. Each image is
    divided by the number of its own positive anchors, so that its loss does not depend on the
    others; the paper divides the sum over a batch by the number of positive anchors in the
    batch, where images with many objects weigh more.

    Args:
        negatives_per_positive: above 0, how many negatives count for each positive anchor of
            the image; a fraction of a negative does not count.
        box_weight: $\lambda \ge 0$, the weight of the boxes.
        beta: the distance up to which smooth L1 is quadratic, $d^2 / (2 \beta)$, and from
            which it is linear, $d - \beta / 2$.
        reduction: as for `JointLoss`.
        name: name of the loss.

    Shape:
        - y_true: a pair `(class_targets, box_targets)`, as for `DetectionLoss`:
          `(batch, n_anchors)`, the class number from 0 up, -1 for background, -2 for an ignored
          anchor; and offsets from the anchors, `(batch, n_anchors, 4)`, read at positive
          anchors only.
        - y_pred: a pair `(class_logits, boxes)`: `(batch, n_anchors, n_classes + 1)`, where the
          first logit is that of background and logit `c + 1` that of class `c`; and
          `(batch, n_anchors, 4)`. Both are linear outputs, without a softmax.
        - result: parts `"classes"` and `"boxes"` of `(batch,)`, each with what divides it; the
          boxes times $\lambda$. Do not use `mask=-1`, which is background here.

    Raises:
        ValueError: if an argument is out of range, if there are not two outputs and two
            labels, or their shapes do not fit.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> class_targets = np.array([[2, -1, -1, -2]])  # an object, background twice, ignored
        >>> box_targets, boxes = np.zeros((1, 4, 4)), np.full((1, 4, 4), 1.0)
        >>> class_logits = np.zeros((1, 4, 4))  # background and 3 classes
        >>> loss = kml.losses.MultiBoxLoss(negatives_per_positive=1.0)
        >>> round(float(loss((class_targets, box_targets), (class_logits, boxes))), 3)
        4.773
        >>> round(2 * float(np.log(4)) + 4 * 0.5, 3)  # the object and one negative, and a box
        4.773

    References:
        Liu et al., "SSD: single shot multibox detector", ECCV 2016.
    """

    is_sample_wise = True

    def __init__(
        self,
        *,
        negatives_per_positive: float = 3.0,
        box_weight: float = 1.0,
        beta: float = 1.0,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "multi_box",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        where = "MultiBoxLoss"
        self.negatives_per_positive = check_positive(
            where, "negatives_per_positive", negatives_per_positive
        )
        self.box_weight = check_not_negative(where, "box_weight", box_weight)
        self.beta = check_positive(where, "beta", beta)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        where = type(self).__name__
        classes, box_targets, logits, boxes = checked_anchors(where, y_true, y_pred)
        is_positive = classes > BACKGROUND
        n_positive = ops.sum(ops.cast(is_positive, "float32"), axis=1)
        of_class = _softmax_terms(classes, logits)
        hardness = ops.stop_gradient(of_class)  # it is compared only
        n_negative = self.negatives_per_positive * n_positive
        is_hard = _is_among_largest(ops.equal(classes, BACKGROUND), hardness, n_negative)
        class_terms = sum_where(ops.logical_or(is_positive, is_hard), of_class)
        box_terms = sum_where(is_positive, self._offset_terms(is_positive, box_targets, boxes))
        divisor = ops.maximum(n_positive, 1.0)
        return {"classes": class_terms / divisor, "boxes": self.box_weight * box_terms / divisor}

    def _offset_terms(self, is_positive: Any, targets: Any, boxes: Any) -> Any:
        """The loss of each box; 0, whatever stands there, for those that do not count."""
        difference = ops.cast(targets, "float32") - boxes
        difference = ops.where(is_positive[..., None], difference, ops.zeros_like(difference))
        return ops.sum(smooth_l1(difference, self.beta), axis=-1)

    def get_config(self) -> dict[str, Any]:
        own = {
            "negatives_per_positive": self.negatives_per_positive,
            "box_weight": self.box_weight,
            "beta": self.beta,
        }
        return {**super().get_config(), **own}


def _softmax_terms(classes: Any, logits: Any) -> Any:
    """The cross-entropy of each anchor; 0 for one of no class that there is."""
    log_p = ops.log_softmax(logits, axis=-1)
    places = ops.cast(ops.arange(ops.shape(logits)[-1]), "int32")
    is_class = ops.equal(classes[..., None] - BACKGROUND, places)
    return -ops.sum(ops.where(is_class, log_p, ops.zeros_like(log_p)), axis=-1)


def _is_among_largest(is_candidate: Any, values: Any, n_largest: Any) -> Any:
    """Whether an entry of a row is one of its `n_largest` candidates; the earlier of equals.

    `n_largest` has a number for each row, which `top_k` does not take: the place of an entry in
    the sorted row is where the entry stands in the order that sorts it.
    """
    # Values are 0 or more: all candidates come before the others.
    downwards = ops.where(is_candidate, -values, ops.ones_like(values))
    place = ops.argsort(ops.argsort(downwards, axis=-1), axis=-1)
    is_large = ops.cast(place, "float32") + 1.0 <= n_largest[..., None]
    return ops.logical_and(is_candidate, is_large)
