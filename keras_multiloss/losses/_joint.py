"""The base class of losses that see several outputs or labels."""

from __future__ import annotations

from typing import Any

from keras_multiloss import _values
from keras_multiloss._keras import keras, scale_for_distribution
from keras_multiloss._serialization import serializable


@serializable
class JointLoss(keras.losses.Loss):
    """Base class of losses over several outputs, several labels, or both.

    A subclass implements `call(y_true, y_pred)` and gives one value a sample. Inside a
    `LossTerm`, `y_true` and `y_pred` are tuples in the order in which the term names
    labels and outputs; a side that the term names with a plain string is a tensor, and
    `y_true` is `None` for a term without labels.

    Unlike `keras.losses.Loss`, labels keep their dtype (Keras casts them to float32, which
    turns 16777217 into 16777216), and outputs are cast to float32.

    Args:
        reduction: `"sum_over_batch_size"`, `"sum"`, `"mean_with_sample_weight"` or `"none"`.
            Inside a term, `"none"` means the mean over samples.
        name: name of the loss.

    Example:
        >>> import keras
        >>> import keras_multiloss as kml
        >>> @keras.saving.register_keras_serializable(package="docs")
        ... class Disagreement(kml.JointLoss):
        ...     def call(self, y_true, y_pred):
        ...         left, right = y_pred
        ...         return keras.ops.mean(keras.ops.square(left - right), axis=-1)
        >>> loss = Disagreement()
        >>> left, right = keras.ops.ones((2, 1)), keras.ops.zeros((2, 1))
        >>> float(loss(None, (left, right)))
        1.0
    """

    kind = "joint"

    def __init__(self, *, reduction: str = "sum_over_batch_size", name: str | None = None) -> None:
        super().__init__(reduction=reduction, name=name)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no `call(y_true, y_pred)`.")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The reduced loss of tuples of labels and outputs."""
        y_pred = _values.to_float32(y_pred)
        values = self.call(y_true, y_pred)
        if self.reduction in {None, "none"}:
            return values if sample_weight is None else values * sample_weight
        value = _values.reduce(type(self).__name__, values, self.reduction, sample_weight)
        return scale_for_distribution(value)
