"""How far the regions of a segmentation overlap with those of its label."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_bool, check_count, check_positive
from keras_multiloss._messages import described, error
from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.evaluation import expand, rank, same_shape, sparse_label, static_shape
from keras_multiloss.losses._input_checks import check_one_label, check_one_output
from keras_multiloss.losses._joint_loss import JointLoss, Reduction


@serializable
class JaccardLoss(JointLoss):
    r"""One minus the soft Jaccard index of the regions of each class, for segmentation.

    $$\ell = 1 - \frac1C \sum_c \frac{s + \sum_x y_{xc}\,p_{xc}}
    {s + \sum_x (y_{xc} + p_{xc} - y_{xc}\,p_{xc})}$$

    The sums run over all places $x$ of an image. The Jaccard index is also called IoU,
    intersection over union. The name tells it from `GIoULoss` and `DetectionLoss`, whose IoU is
    that of boxes, given by four numbers; here a region is a map of probabilities. Each image has
    its own value. A class that an image does not show costs nothing where it is not predicted.

    Args:
        from_logits: whether the outputs are logits. Their probabilities are the softmax over the
            classes, or the sigmoid if there is one class. For classes that overlap, give the
            probabilities of a sigmoid.
        classes: the class numbers of which the mean is taken, such as `[1, 2]` to leave out a
            background 0; by default all.
        smoothing: $s > 0$, in places. The larger it is, the smaller the gradients of classes
            that an image shows in few places or nowhere.
        reduction: as for `JointLoss`.
        name: name of the loss.

    Shape:
        - y_true: one number from 0 to 1 for each class, `(batch, ..., n_classes)`; or class
          numbers, `(batch, ...)` or `(batch, ..., 1)`. A place whose class number no class has,
          such as 255, does not count. For an output of one class, the label is a map of 0 and 1.
        - y_pred: one output, `(batch, ..., n_classes)`, where `...` are one or more spatial axes.
        - result: `(batch,)`. The mask of a term thus leaves out each image with a missing entry.

    Raises:
        ValueError: if there is not one output and one label that fits it, a class of `classes`
            is not in the output, or the smoothing is not positive.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> label = np.array([[[1, 1], [0, 0]]])
        >>> output = np.array([[[[1.0], [0.0]], [[1.0], [0.0]]]])  # 1 of 3 places is common
        >>> loss = kml.losses.JaccardLoss(smoothing=1e-6)
        >>> round(float(loss(label, output)), 3)
        0.667

    References:
        Rahman and Wang, "Optimizing intersection-over-union in deep neural networks for image
        segmentation", ISVC 2016.
    """

    is_sample_wise = True

    def __init__(
        self,
        *,
        from_logits: bool = False,
        classes: list[int] | None = None,
        smoothing: float = 1.0,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "jaccard",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        self.from_logits = check_bool("JaccardLoss", "from_logits", from_logits)
        self.classes = None if classes is None else _check_classes(classes)
        self.smoothing = check_positive("JaccardLoss", "smoothing", smoothing)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        where = type(self).__name__
        output = check_one_output(where, y_pred)
        self._check_has_axes(output)
        label, is_counted = _label_of_classes(where, check_one_label(where, y_true), output)
        p = _probabilities(output) if self.from_logits else output
        p = p * is_counted
        places = tuple(range(1, (rank(output) or 0) - 1))
        common = ops.sum(label * p, axis=places)
        union = ops.sum(label + p - label * p, axis=places)
        of_classes = 1.0 - (common + self.smoothing) / (union + self.smoothing)
        if self.classes is not None:
            of_classes = ops.take(of_classes, self.classes, axis=1)
        return ops.mean(of_classes, axis=1)

    def _check_has_axes(self, output: Any) -> None:
        shape = static_shape(output)
        if shape is None or len(shape) < 3:
            raise error(
                ValueError,
                type(self).__name__,
                "the output has no spatial axes",
                expected="an output of shape (batch, ..., n_classes)",
                received=f"shape {shape}",
            )
        last = max(self.classes or [0])
        if shape[-1] is not None and last >= shape[-1]:
            raise error(
                ValueError,
                type(self).__name__,
                "`classes` names a class that the output does not have",
                expected=f"class numbers from 0 to {shape[-1] - 1}",
                received=repr(last),
            )

    def get_config(self) -> dict[str, Any]:
        own = {
            "from_logits": self.from_logits,
            "classes": self.classes,
            "smoothing": self.smoothing,
        }
        return {**super().get_config(), **own}


def _label_of_classes(where: str, label: Any, output: Any) -> tuple[Any, Any]:
    """A number for each class at each place, and a factor that is 0 where a place is void."""
    n_axes, is_single = rank(output), output.shape[-1] == 1
    if is_single and rank(label) == (n_axes or 0) - 1:
        label = expand(label)
    if is_single or (rank(label) == n_axes and label.shape[-1] != 1):
        return ops.cast(same_shape(where, label, output), "float32"), 1.0
    numbers = ops.cast(ops.arange(ops.shape(output)[-1]), "float32")
    label = ops.cast(sparse_label(where, label, output), "float32")
    one_hot = ops.cast(ops.equal(expand(label), numbers), "float32")
    return one_hot, ops.sum(one_hot, axis=-1, keepdims=True)


def _probabilities(logits: Any) -> Any:
    if logits.shape[-1] == 1:
        return ops.sigmoid(logits)
    return ops.exp(ops.log_softmax(logits, axis=-1))


def _check_classes(classes: Any) -> list[int]:
    """The class numbers as a list; raises unless there is one at least, and none twice."""
    where = "JaccardLoss"
    if not isinstance(classes, (list, tuple)) or not classes:
        raise error(
            TypeError,
            where,
            "`classes` must be a list of class numbers",
            expected="a list such as [1, 2], or None for all classes",
            received=described(classes),
        )
    numbers = [check_count(where, f"classes[{i}]", x, least=0) for i, x in enumerate(classes)]
    if len(set(numbers)) < len(numbers):
        raise error(
            ValueError,
            where,
            "`classes` has a class twice",
            expected="different class numbers",
            received=repr(numbers),
        )
    return numbers
