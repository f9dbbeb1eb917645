"""A student that learns numbers from a teacher, and no more than the teacher knows."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_between, check_bool, check_not_negative
from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.evaluation import same_shape
from keras_multiloss.losses._input_checks import check_one_label, check_one_shape, check_roles
from keras_multiloss.losses._joint_loss import JointLoss, Reduction
from keras_multiloss.losses._vectors import mean_squares


@serializable
class RegressionDistillationLoss(JointLoss):
    r"""Squared distance of a student's numbers from those of a teacher, and from the label.

    $$\ell = (1-\alpha)\,\|s-t\|^2 + \alpha\,\|s-y\|^2,\quad
    \|v\|^2 = \tfrac1n \sum_i v_i^2$$

    Without a label (`labels=None`) it is $\|s-t\|^2$. No gradient flows to the teacher.

    A teacher of numbers may be far off. With `bounded_by_teacher` its part is
    $\|s-y\|^2$ where $\|s-y\|^2 + m > \|t-y\|^2$, and 0 elsewhere: the student learns from the
    label until it is better than the teacher by the margin $m$.

    Args:
        label_share: $\alpha$, from 0 to 1; it counts only where the term has a label.
        bounded_by_teacher: whether the teacher is only a bound, as above; needs a label.
        margin: $m \ge 0$, in squared units of the label.
        reduction: as for `JointLoss`.
        name: name of the loss.

    Shape:
        - y_true: `None`, or a label of the shape of the outputs.
        - y_pred: a pair `(student, teacher)`, both `(batch, ..., n)`.
        - result: `(batch, ...)`, without the last axis.

    Raises:
        ValueError: if an argument is out of range, the outputs are not a pair of one shape, or
            the label does not fit or is needed.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> student, teacher, label = np.array([[2.0]]), np.array([[3.0]]), np.array([[0.0]])
        >>> float(kml.losses.RegressionDistillationLoss()(label, (student, teacher)))
        2.5
        >>> loss = kml.losses.RegressionDistillationLoss(label_share=0.0, bounded_by_teacher=True)
        >>> float(loss(label, (student, teacher)))  # the student is better than the teacher
        0.0

    References:
        Chen et al., "Learning efficient object detection models with knowledge distillation",
        NIPS 2017 (the bound, equation 5).
    """

    is_sample_wise = True

    def __init__(
        self,
        *,
        label_share: float = 0.5,
        bounded_by_teacher: bool = False,
        margin: float = 0.0,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "regression_distillation",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        where = "RegressionDistillationLoss"
        self.label_share = check_between(where, "label_share", label_share, 0.0, 1.0)
        self.bounded_by_teacher = check_bool(where, "bounded_by_teacher", bounded_by_teacher)
        self.margin = check_not_negative(where, "margin", margin)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        where = type(self).__name__
        student, teacher = check_roles(where, y_pred, "student", "teacher")
        check_one_shape(where, (student, teacher))
        teacher = ops.stop_gradient(teacher)
        if y_true is None and not self.bounded_by_teacher:
            return mean_squares(student, teacher)
        label = ops.cast(check_one_label(where, y_true), "float32")
        label = same_shape(where, label, student)
        hard = mean_squares(student, label)
        soft = mean_squares(student, teacher)
        if self.bounded_by_teacher:
            learns = hard + self.margin > mean_squares(teacher, label)
            soft = ops.where(learns, hard, ops.zeros_like(hard))
        return (1.0 - self.label_share) * soft + self.label_share * hard

    def get_config(self) -> dict[str, Any]:
        own = {
            "label_share": self.label_share,
            "bounded_by_teacher": self.bounded_by_teacher,
            "margin": self.margin,
        }
        return {**super().get_config(), **own}
