"""A student that learns from the outputs of a teacher."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_positive
from keras_multiloss._keras import ops
from keras_multiloss._serialization import serializable
from keras_multiloss.losses._inputs import check_one_shape, check_roles
from keras_multiloss.losses._joint import JointLoss, Reduction


@serializable
class DistillationLoss(JointLoss):
    r"""Divergence of a student's class probabilities from those of a teacher, softened.

    $$\ell = \tau^2 \sum_i q_i \log\frac{q_i}{p_i},\quad
    q=\operatorname{softmax}(t/\tau),\; p=\operatorname{softmax}(s/\tau)$$

    The factor $\tau^2$ keeps the size of the gradients when the temperature changes. No
    gradient flows to the teacher. It needs no label: give the term `labels=None`, and put
    the loss of the student against the true label into a term of its own.

    Args:
        temperature: $\tau > 0$; the higher, the more the small probabilities count.
        reduction: as for `JointLoss`.
        name: name of the loss.

    Shape:
        - y_true: `None`.
        - y_pred: a pair of logits `(student, teacher)`, both `(batch, ..., n_classes)`.
        - result: `(batch, ...)`.

    Raises:
        ValueError: if the temperature is not positive, or the outputs are not a pair of one
            shape.

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

    def __init__(
        self,
        *,
        temperature: float = 2.0,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "distillation",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        self.temperature = check_positive("DistillationLoss", "temperature", temperature)

    def call(self, y_true: Any, y_pred: Any) -> Any:  # noqa: ARG002 (it needs no label)
        where = type(self).__name__
        student, teacher = check_roles(where, y_pred, "student", "teacher")
        check_one_shape(where, (student, teacher))
        log_p = ops.log_softmax(student / self.temperature, axis=-1)
        log_q = ops.log_softmax(ops.stop_gradient(teacher) / self.temperature, axis=-1)
        return self.temperature**2 * ops.sum(ops.exp(log_q) * (log_q - log_p), axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "temperature": self.temperature}
