"""What the losses of anchors have in common: their labels, which of them count, smooth L1."""

from __future__ import annotations

from typing import Any

from keras_multiloss._messages import error
from keras_multiloss._platform import ops
from keras_multiloss.evaluation import Shape, fits, rank, static_shape
from keras_multiloss.losses._input_checks import check_labels, check_roles

#: The class number of an anchor that shows background; one that is ignored has one below.
BACKGROUND = -1


def smooth_l1(difference: Any, beta: float) -> Any:
    """The loss of each entry: quadratic up to `beta`, linear from there."""
    distance = ops.abs(difference)
    quadratic = 0.5 * ops.square(difference) / beta
    return ops.where(distance < beta, quadratic, distance - 0.5 * beta)


def sum_where(is_counted: Any, terms: Any) -> Any:
    """The sum over the anchors that count, on one axis behind that of the batch or on more."""
    axes = tuple(range(1, rank(terms) or 2))
    return ops.sum(ops.where(is_counted, terms, ops.zeros_like(terms)), axis=axes)


def checked_anchors(where: str, y_true: Any, y_pred: Any) -> tuple[Any, Any, Any, Any]:
    """Class numbers, box targets, class logits and boxes of the same anchors.

    Args:
        where: the name of the caller, for errors.
        y_true: a pair `(class_targets, box_targets)`.
        y_pred: a pair `(class_logits, boxes)`.
    """
    logits, boxes = check_roles(where, y_pred, "class_logits", "boxes")
    classes, box_targets = check_labels(where, y_true, "class_targets", "box_targets")
    _check_fit(where, logits, boxes, classes, box_targets)
    return ops.cast(classes, "int32"), box_targets, logits, boxes


def _check_fit(where: str, logits: Any, boxes: Any, classes: Any, box_targets: Any) -> None:
    """Raise unless all are about the same anchors, as far as shapes are known."""
    batch, n_anchors = (*(static_shape(logits) or ()), None, None)[:2]
    expected: list[tuple[str, Any, Shape]] = [
        ("class_logits", logits, (batch, n_anchors, None)),
        ("boxes", boxes, (batch, n_anchors, 4)),
        ("class_targets", classes, (batch, n_anchors)),
        ("box_targets", box_targets, (batch, n_anchors, 4)),
    ]
    for role, tensor, wanted in expected:
        shape = static_shape(tensor)
        if shape is not None and not fits(shape, wanted):
            raise error(
                ValueError,
                where,
                f"the {role} do not fit the anchors",
                expected=f"shape {_shape_in_words(wanted)}",
                received=f"shape {shape}",
                hint="class targets are class numbers, not one-hot"
                if role == "class_targets" and len(shape) == 3
                else None,
            )


def _shape_in_words(shape: Shape) -> str:
    names = ("batch", "n_anchors", "n_classes")
    sizes = [name if size is None else str(size) for name, size in zip(names, shape, strict=False)]
    return f"({', '.join(sizes)})"
