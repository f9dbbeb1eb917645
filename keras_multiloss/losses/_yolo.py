"""Boxes, objectness and classes of the cells of a grid."""

from __future__ import annotations

from typing import Any, Literal, get_args

from keras_multiloss._checks import check_choice, check_not_negative, check_positive
from keras_multiloss._messages import error
from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.evaluation import Shape, fits, rank, static_shape
from keras_multiloss.losses._anchors import BACKGROUND, sum_where
from keras_multiloss.losses._input_checks import check_labels, check_roles
from keras_multiloss.losses._joint_loss import JointLoss, Reduction
from keras_multiloss.losses._probabilities import of_classes

ClassLoss = Literal["squared_error", "sigmoid_crossentropy"]


@serializable
class YoloLoss(JointLoss):
    r"""Boxes of the objects in a grid, whether there is one, and of which class.

    $$\begin{aligned} \ell = {} & \lambda \sum_{g \in O} \left((x_g-\hat x_g)^2
    + (y_g-\hat y_g)^2\right) + \lambda \sum_{g \in O} \left((r(w_g)-r(\hat w_g))^2
    + (r(h_g)-r(\hat h_g))^2\right) \\
    & + \sum_{g \in O} f(1, \hat o_g) + \lambda_\mathrm{no} \sum_{g \in N} f(0, \hat o_g)
    + \sum_{g \in O} \sum_c f(y_{gc}, \hat p_{gc}) \end{aligned}$$

    $O$ are the places of the grid that are responsible for an object, $N$ those without one.
    The sums are over the grid of one image, and not divided, as in the paper. By default $f$ is
    the squared distance of the paper (YOLO, the first version).

    $r$ is the square root, so that a distance counts more for a small box than for a large one.
    Below `min_size`, where its gradient has no bound, and for negative sizes it goes on as
    $r(s) = s / \sqrt{\max(|s|, \mathrm{min\_size})}$: a negative size is led back.

    A place is a cell, or one of several boxes of a cell: the labels say which of these is
    responsible. The paper picks the one whose output overlaps the object most, and has its
    objectness learn that overlap; here it learns 1. The paper has one vector of classes per
    cell, here there is one for each place, as in later versions.

    Args:
        box_weight: $\lambda \ge 0$, the weight of centres and sizes.
        no_object_weight: $\lambda_\mathrm{no} \ge 0$, the weight of places without an object,
            which are most.
        class_loss: $f$: `"squared_error"`, for outputs from 0 to 1; or
            `"sigmoid_crossentropy"`, for logits, as in YOLOv3. It is that of the objectness too.
        min_size: above 0, the size down to which $r$ is the square root, in the unit of the
            sizes; 0.001 of an image is less than a pixel.
        reduction: as for `JointLoss`.
        name: name of the loss.

    Shape:
        - y_true: a pair `(box_targets, class_targets)`: `(batch, ..., 4)`, where `...` is the
          grid, such as `(rows, columns)` or `(rows, columns, n_boxes)`, and the last axis
          `(x, y, width, height)`, read where there is an object only; and `(batch, ...)`, the
          class number from 0 up, -1 for no object, -2 for a place that does not count.
        - y_pred: a triple `(boxes, objectness, classes)`: `(batch, ..., 4)` in the units of the
          labels (the paper's: the centre as a fraction of its cell, the size as one of the
          image), `(batch, ...)` or `(batch, ..., 1)`, and `(batch, ..., n_classes)`.
        - result: parts `"center"`, `"size"`, `"objectness"` and `"classes"` of `(batch,)`,
          each with its weight. Do not use `mask=-1`, which is no object here.

    Raises:
        ValueError: if an argument is out of range, if there are not three outputs and two
            labels, or their shapes do not fit.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> class_targets = np.array([[[1, -1]]])  # a grid of one row: an object, and none
        >>> box_targets = np.array([[[[0.5, 0.5, 0.25, 0.16], [0.0, 0.0, 0.0, 0.0]]]])
        >>> boxes = np.array([[[[0.5, 0.7, 0.36, 0.16], [0.3, 0.3, 0.3, 0.3]]]])
        >>> objectness, classes = np.array([[[0.8, 0.2]]]), np.array([[[[0.0, 0.9]] * 2]])
        >>> loss = kml.losses.YoloLoss()
        >>> value = loss((box_targets, class_targets), (boxes, objectness, classes))
        >>> round(float(value), 3)
        0.32
        >>> round(5 * 0.2**2 + 5 * (0.6 - 0.5) ** 2 + 0.2**2 + 0.5 * 0.2**2 + 0.1**2, 3)
        0.32

    References:
        Redmon et al., "You only look once: unified, real-time object detection", CVPR 2016.
        Redmon and Farhadi, "YOLOv3: an incremental improvement", arXiv:1804.02767, 2018.
    """

    is_sample_wise = True

    def __init__(
        self,
        *,
        box_weight: float = 5.0,
        no_object_weight: float = 0.5,
        class_loss: ClassLoss = "squared_error",
        min_size: float = 1e-3,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "yolo",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        where = "YoloLoss"
        self.box_weight = check_not_negative(where, "box_weight", box_weight)
        self.no_object_weight = check_not_negative(where, "no_object_weight", no_object_weight)
        check_choice(where, "class_loss", class_loss, get_args(ClassLoss))
        self.class_loss = class_loss
        self.min_size = check_positive(where, "min_size", min_size)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        where = type(self).__name__
        boxes, objectness, classes = check_roles(where, y_pred, "boxes", "objectness", "classes")
        targets, numbers = check_labels(where, y_true, "box_targets", "class_targets")
        _check_grid(where, boxes, objectness, classes, targets, numbers)
        numbers = ops.cast(numbers, "int32")
        is_object = numbers > BACKGROUND
        center, size = self._terms_of_boxes(is_object, targets, boxes)
        return {
            "center": self.box_weight * sum_where(is_object, center),
            "size": self.box_weight * sum_where(is_object, size),
            "objectness": self._objectness(numbers, is_object, objectness),
            "classes": sum_where(is_object, self._class_terms(numbers, classes)),
        }

    def _terms_of_boxes(self, is_object: Any, targets: Any, boxes: Any) -> tuple[Any, Any]:
        """The squared distances of centres and of roots of sizes; where no object is, of ones."""
        is_object = is_object[..., None]
        boxes = ops.where(is_object, boxes, ops.ones_like(boxes))
        targets = ops.where(is_object, ops.cast(targets, "float32"), ops.ones_like(boxes))
        roots = self._root(targets[..., 2:]) - self._root(boxes[..., 2:])
        center = ops.square(targets[..., :2] - boxes[..., :2])
        return ops.sum(center, axis=-1), ops.sum(ops.square(roots), axis=-1)

    def _root(self, size: Any) -> Any:
        return size / ops.sqrt(ops.maximum(ops.abs(size), self.min_size))

    def _objectness(self, numbers: Any, is_object: Any, outputs: Any) -> Any:
        """What the objectness of an image costs."""
        if rank(outputs) != rank(numbers):
            outputs = ops.squeeze(outputs, -1)
        of_object = sum_where(is_object, self._distance(ops.ones_like(outputs), outputs))
        is_empty = ops.equal(numbers, BACKGROUND)
        of_empty = sum_where(is_empty, self._distance(ops.zeros_like(outputs), outputs))
        return of_object + self.no_object_weight * of_empty

    def _class_terms(self, numbers: Any, outputs: Any) -> Any:
        return ops.sum(self._distance(of_classes(numbers, outputs), outputs), axis=-1)

    def _distance(self, targets: Any, outputs: Any) -> Any:
        """The loss of each number from 0 to 1."""
        if self.class_loss == "squared_error":
            return ops.square(targets - outputs)
        return targets * ops.softplus(-outputs) + (1.0 - targets) * ops.softplus(outputs)

    def get_config(self) -> dict[str, Any]:
        own = {
            "box_weight": self.box_weight,
            "no_object_weight": self.no_object_weight,
            "class_loss": self.class_loss,
            "min_size": self.min_size,
        }
        return {**super().get_config(), **own}


def _check_grid(
    where: str, boxes: Any, objectness: Any, classes: Any, targets: Any, numbers: Any
) -> None:
    """Raise unless all are about the same grid, as far as shapes are known."""
    of_boxes = static_shape(boxes)
    if of_boxes is None:
        return
    if len(of_boxes) < 3 or of_boxes[-1] not in {4, None}:
        raise _misfit(where, "boxes do", "(batch, ..., 4)", of_boxes)
    grid = of_boxes[:-1]
    expected: list[tuple[str, Any, list[Shape]]] = [
        ("objectness does", objectness, [grid, (*grid, 1)]),
        ("classes do", classes, [(*grid, None)]),
        ("box_targets do", targets, [(*grid, 4)]),
        ("class_targets do", numbers, [grid]),
    ]
    for what, tensor, wanted in expected:
        shape = static_shape(tensor)
        if shape is not None and not any(fits(shape, one) for one in wanted):
            raise _misfit(where, what, " or ".join(map(_grid_in_words, wanted)), shape)


def _misfit(where: str, what: str, wanted: str, shape: Shape) -> ValueError:
    return error(
        ValueError,
        where,
        f"the {what} not fit the grid",
        expected=f"shape {wanted}",
        received=f"shape {shape}",
        hint="they are class numbers, not one-hot" if what == "class_targets do" else None,
    )


def _grid_in_words(shape: Shape) -> str:
    return f"({', '.join('any' if size is None else str(size) for size in shape)})"
