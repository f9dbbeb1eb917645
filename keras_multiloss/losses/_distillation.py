"""A student that learns from the outputs of a teacher."""

from __future__ import annotations

from typing import Any, ClassVar

from keras_multiloss._checks import check_between, check_positive
from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.evaluation import rank, same_shape, sparse_label, static_shape
from keras_multiloss.losses._input_checks import check_one_label, check_one_shape, check_roles
from keras_multiloss.losses._joint_loss import JointLoss, Reduction
from keras_multiloss.losses._probabilities import of_classes


@serializable
class DistillationLoss(JointLoss):
    r"""Divergence of a student's class probabilities from those of a teacher, softened.

    $$\ell = \tau^2 \sum_i q_i \log\frac{q_i}{p_i},\quad
    q=\operatorname{softmax}(t/\tau),\; p=\operatorname{softmax}(s/\tau)$$

    The factor $\tau^2$ keeps the size of the gradients when the temperature changes. No
    gradient flows to the teacher. It needs no label: give the term `labels=None`. With a
    label it is $(1-\alpha)\,\ell + \alpha\,\ell_y$, where $\ell_y$ is the cross-entropy of the
    student against the label, at temperature 1. To log the two apart, or where labels are
    missing (a mask leaves out the teacher's part of those samples as well), make them two terms.

    Sequences have a value per step. Steps that a Keras layer marks as padding do not count, nor
    do those that the term's `mask` marks in the label.

    Args:
        temperature: $\tau > 0$; the higher, the more the small probabilities count.
        label_share: $\alpha$, from 0 to 1; it counts only where the term has a label.
        label_smoothing: the share of a label, from 0 to 1, that is spread evenly over all
            classes before $\ell_y$, as in Keras's losses; the teacher's part has none.
        reduction: as for `JointLoss`.
        name: name of the loss.

    Shape:
        - y_true: `None`, class numbers from 0 up as `(batch, ...)`, or probabilities of the
          shape of the outputs. A number that no class has gives a cross-entropy of 0.
        - y_pred: a pair `(student, teacher)` of logits, not probabilities, both
          `(batch, ..., n_classes)`; for sequences `(batch, steps, n_classes)`.
        - result: `(batch, ...)`.

    Raises:
        ValueError: if an argument is out of range, the outputs are not a pair of one shape,
            or there are several labels.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> loss = kml.losses.DistillationLoss(temperature=2.0)
        >>> student, teacher = np.array([[0.0, 0.0]]), np.array([[0.0, 4.0]])
        >>> round(float(loss(None, (student, teacher))), 3)
        1.311
        >>> float(loss(None, (teacher, teacher)))
        0.0

    References:
        Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network", NIPS
        deep learning workshop 2014.
    """

    is_sample_wise = True
    ADDED_LATER: ClassVar[tuple[str, ...]] = ("label_smoothing",)

    def __init__(
        self,
        *,
        temperature: float = 2.0,
        label_share: float = 0.5,
        label_smoothing: float = 0.0,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "distillation",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        where = "DistillationLoss"
        self.temperature = check_positive(where, "temperature", temperature)
        self.label_share = check_between(where, "label_share", label_share, 0.0, 1.0)
        self.label_smoothing = check_between(where, "label_smoothing", label_smoothing, 0.0, 1.0)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        where = type(self).__name__
        student, teacher = check_roles(where, y_pred, "student", "teacher")
        check_one_shape(where, (student, teacher))
        log_p = ops.log_softmax(student / self.temperature, axis=-1)
        log_q = ops.log_softmax(ops.stop_gradient(teacher) / self.temperature, axis=-1)
        soft = self.temperature**2 * ops.sum(ops.exp(log_q) * (log_q - log_p), axis=-1)
        if y_true is None:
            return soft
        label = _class_probabilities(where, check_one_label(where, y_true), student)
        label = _smoothed(label, self.label_smoothing)
        hard = -ops.sum(label * ops.log_softmax(student, axis=-1), axis=-1)
        return (1.0 - self.label_share) * soft + self.label_share * hard

    def get_config(self) -> dict[str, Any]:
        own = {
            "temperature": self.temperature,
            "label_share": self.label_share,
            "label_smoothing": self.label_smoothing,
        }
        return {**super().get_config(), **own}


def _class_probabilities(where: str, label: Any, logits: Any) -> Any:
    """Class numbers, or probabilities, as probabilities of the shape of the logits."""
    if rank(label) == rank(logits) and (static_shape(label) or ())[-1:] != (1,):
        return ops.cast(same_shape(where, label, logits), "float32")
    return of_classes(sparse_label(where, label, logits), logits)


def _smoothed(label: Any, share: float) -> Any:
    """The label with a share of it spread over all classes; one without a class stays zero."""
    if share == 0.0:
        return label
    return (1.0 - share) * label + share * ops.mean(label, axis=-1, keepdims=True)
