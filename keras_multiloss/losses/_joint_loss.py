"""The base class of losses that see several outputs or labels."""

from __future__ import annotations

from typing import Any, Literal, get_args

from keras_multiloss._checks import check_choice
from keras_multiloss._platform import keras
from keras_multiloss._saving import serializable
from keras_multiloss.evaluation import evaluate, snake_case

Reduction = Literal["sum_over_batch_size", "sum", "mean_with_sample_weight", "none"]


@serializable
class JointLoss(keras.losses.Loss):
    """Base class of losses over several outputs, several labels, or both.

    A subclass implements `call(y_true, y_pred)` and gives one value per sample. Inside a
    `LossTerm`, `y_true` and `y_pred` are tuples in the order in which the term names
    labels and outputs; a side that the term names with a plain string is a tensor, and
    `y_true` is `None` for a term without labels.

    Unlike in `keras.losses.Loss`, labels keep their dtype (Keras casts them to float32, which
    turns 16777217 into 16777216), and outputs are cast to float32. Labels of shape `(batch,)`
    come as `(batch, 1)` if all outputs are `(batch, 1)`, and the reverse, so that
    `label - output` does not become a matrix.

    Args:
        reduction: `"sum_over_batch_size"`, `"sum"`, `"mean_with_sample_weight"` or `"none"`.
            Inside a term, `"none"` means the mean over samples.
        name: name of the loss; by default that of the class, such as `gaussian_nll`.

    Shape:
        - y_true: a tensor `(batch, ...)`, a tuple of such tensors, or `None`.
        - y_pred: a tensor `(batch, ...)`, or a tuple of such tensors.
        - sample_weight: `(batch,)`, or the shape of what `call` gives.
        - result: a float32 scalar; for `"none"`, what `call` gives, `(batch, ...)`.

    Raises:
        ValueError: for an unknown reduction.

    Example:
        >>> import keras
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> @keras.saving.register_keras_serializable(package="docs")
        ... class Disagreement(kml.JointLoss):
        ...     def call(self, y_true, y_pred):
        ...         left, right = y_pred
        ...         return (left - right) ** 2
        >>> left, right = np.ones((2, 1)), np.zeros((2, 1))
        >>> float(Disagreement()(None, (left, right)))
        1.0
    """

    kind = "joint"

    #: Whether the value of a sample depends on no other sample. A class that says so beside its
    #: `call` lets terms that share it be computed as one operation.
    is_sample_wise = False

    def __init__(
        self, *, reduction: Reduction = "sum_over_batch_size", name: str | None = None
    ) -> None:
        check_choice(type(self).__name__, "reduction", reduction, get_args(Reduction))
        super().__init__(name=name or snake_case(type(self).__name__))
        self.reduction = reduction  # Keras 2 does not know all of them

    def call(self, y_true: Any, y_pred: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no `call(y_true, y_pred)`.")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The reduced loss of tuples of labels and outputs."""
        found = evaluate(type(self).__name__, self, y_true, y_pred)
        return found.weighed_by(sample_weight).as_loss_object(self.reduction)
