"""Losses of predicted boxes, by how far they overlap."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple, get_args

from keras_multiloss._checks import check_choice
from keras_multiloss._messages import error
from keras_multiloss._platform import ops
from keras_multiloss.evaluation import static_shape
from keras_multiloss.losses._addons_loss import (
    AddonsLoss,
    AddonsReduction,
    from_addons,
    in_working_precision,
)

Mode = Literal["giou", "iou", "diou", "ciou"]


@from_addons("vector")
def giou_loss(y_true: Any, y_pred: Any, mode: Mode = "giou") -> Any:
    """One minus the overlap of each pair of boxes; see `GIoULoss` for the formulas.

    Args:
        y_true: boxes `[y_min, x_min, y_max, x_max]`, `(batch, ..., 4)`.
        y_pred: boxes of the same shape.
        mode: as for `GIoULoss`.

    Returns:
        A value for each pair, `(batch, ...)`, in the dtype of `y_pred` (float32 if that is
        an integer). Axes of one entry are kept, which TensorFlow Addons dropped.

    Raises:
        ValueError: for an unknown mode, or if the last axis does not have the four sides.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> label, output = np.array([[0.0, 0.0, 2.0, 2.0]]), np.array([[0.0, 0.0, 2.0, 1.0]])
        >>> [round(float(x), 3) for x in kml.losses.giou_loss(label, output, mode="iou")]
        [0.5]
    """
    check_choice("giou_loss", "mode", mode, get_args(Mode))
    y_true, y_pred, dtype = in_working_precision(y_true, y_pred)
    truth, box = _Box.of("y_true", y_true), _Box.of("y_pred", y_pred)
    return ops.cast(1.0 - _similarity(box, truth, mode), dtype)


@from_addons("vector")
class GIoULoss(AddonsLoss):
    r"""One minus the generalized intersection over union of a predicted box and its label.

    With boxes $A$ (label) and $B$ (output) and the smallest box $C$ around both,

    $$\mathrm{IoU} = \frac{|A\cap B|}{|A\cup B|},\qquad
    \ell_\mathrm{iou} = 1-\mathrm{IoU},\qquad
    \ell_\mathrm{giou} = \ell_\mathrm{iou} + \frac{|C|-|A\cup B|}{|C|}$$

    and, beyond TensorFlow Addons, with the distance $\rho$ of the centres, the diagonal $c$
    of $C$, and widths and heights $w, h$,

    $$\ell_\mathrm{diou} = \ell_\mathrm{iou} + \frac{\rho^2}{c^2},\qquad
    \ell_\mathrm{ciou} = \ell_\mathrm{diou} + \alpha v,\qquad
    v = \frac{4}{\pi^2}\left(\arctan\frac{w_A}{h_A}-\arctan\frac{w_B}{h_B}\right)^2,\quad
    \alpha = \frac{v}{\ell_\mathrm{iou}+v}$$

    No gradient flows through $\alpha$, a trade-off between the terms in the paper's words.
    A ratio of zeros counts as 0, so that boxes without an area have finite values and
    gradients; a box whose maximum is below its minimum has no area.

    Args:
        mode: `"giou"`, `"iou"`, `"diou"` or `"ciou"`.
        reduction: `"auto"` (which is `"sum_over_batch_size"`), `"sum"` or `"none"`.
        name: name of the loss.

    Shape:
        - y_true, y_pred: `(batch, ..., 4)`, boxes as `[y_min, x_min, y_max, x_max]`.
        - values: `(batch, ...)`.

    Raises:
        ValueError: for an unknown mode, or if the last axis does not have the four sides.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> label, output = np.array([[0.0, 0.0, 2.0, 2.0]]), np.array([[0.0, 2.0, 2.0, 4.0]])
        >>> float(kml.losses.GIoULoss()(label, output))
        1.0
        >>> round(float(kml.losses.GIoULoss(mode="diou")(label, output)), 3)
        1.2

    References:
        Rezatofighi et al., "Generalized intersection over union: a metric and a loss for
        bounding box regression", CVPR 2019.
        Zheng et al., "Distance-IoU loss: faster and better learning for bounding box
        regression", AAAI 2020.
    """

    is_sample_wise = True
    function = giou_loss
    arguments = ("mode",)

    def __init__(
        self,
        mode: Mode = "giou",
        reduction: AddonsReduction = "auto",
        name: str | None = "giou_loss",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        check_choice("GIoULoss", "mode", mode, get_args(Mode))
        self.mode = mode


class _Box(NamedTuple):
    """The sides of boxes."""

    y_min: Any
    x_min: Any
    y_max: Any
    x_max: Any

    @classmethod
    def of(cls, argument: str, boxes: Any) -> _Box:
        shape = static_shape(boxes)
        if shape is not None and (not shape or shape[-1] not in {4, None}):
            raise error(
                ValueError,
                "giou_loss",
                f"`{argument}` does not hold boxes",
                expected="four sides [y_min, x_min, y_max, x_max] along the last axis",
                received=f"shape {shape}",
            )
        return cls(*(boxes[..., side] for side in range(4)))

    @property
    def height(self) -> Any:
        return ops.relu(self.y_max - self.y_min)

    @property
    def width(self) -> Any:
        return ops.relu(self.x_max - self.x_min)

    @property
    def area(self) -> Any:
        return self.height * self.width


def _similarity(box: _Box, truth: _Box, mode: Mode) -> Any:
    """The overlap of boxes, less what their mode takes off for their places and shapes."""
    common = _intersection(box, truth).area
    union = box.area + truth.area - common
    iou, around = _ratio(common, union), _enclosure(box, truth)
    if mode == "iou":
        return iou
    if mode == "giou":
        return iou - _ratio(around.area - union, around.area)
    diou = iou - _squared_distance_of_centres(box, truth) / _squared_diagonal(around)
    return diou if mode == "diou" else diou - _difference_of_shapes(box, truth, iou)


# Where sides tie, TensorFlow gives the gradient to the first argument: to the output.
def _intersection(box: _Box, truth: _Box) -> _Box:
    return _Box(
        ops.maximum(box.y_min, truth.y_min),
        ops.maximum(box.x_min, truth.x_min),
        ops.minimum(box.y_max, truth.y_max),
        ops.minimum(box.x_max, truth.x_max),
    )


def _enclosure(box: _Box, truth: _Box) -> _Box:
    return _Box(
        ops.minimum(box.y_min, truth.y_min),
        ops.minimum(box.x_min, truth.x_min),
        ops.maximum(box.y_max, truth.y_max),
        ops.maximum(box.x_max, truth.x_max),
    )


def _squared_distance_of_centres(box: _Box, truth: _Box) -> Any:
    y = (box.y_min + box.y_max - truth.y_min - truth.y_max) / 2.0
    x = (box.x_min + box.x_max - truth.x_min - truth.x_max) / 2.0
    return ops.square(y) + ops.square(x)


def _squared_diagonal(box: _Box) -> Any:
    """The square of a diagonal, as a divisor: 1 for a box that is a point."""
    diagonal = ops.square(box.height) + ops.square(box.width)
    return ops.where(diagonal == 0, ops.ones_like(diagonal), diagonal)


def _difference_of_shapes(box: _Box, truth: _Box, iou: Any) -> Any:
    """The term of CIoU for aspect ratios."""
    v = 4.0 / math.pi**2 * ops.square(_angle(truth) - _angle(box))
    return ops.stop_gradient(_ratio(v, 1.0 - iou + v)) * v


def _angle(box: _Box) -> Any:
    """The angle of a box's diagonal; a box that is a point has that of no width."""
    is_point = ops.logical_and(box.height == 0, box.width == 0)
    # The gradient of the arctangent of 0 by 0 is not a number.
    height = ops.where(is_point, ops.ones_like(box.height), box.height)
    return ops.arctan2(box.width, height)


def _ratio(part: Any, whole: Any) -> Any:
    """A ratio that is 0, with no gradient, where the whole is 0."""
    is_zero = whole == 0
    safe = ops.where(is_zero, ops.ones_like(whole), whole)
    return ops.where(is_zero, ops.zeros_like(part), part / safe)
