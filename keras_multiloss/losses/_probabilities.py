"""Logarithms of probabilities, finite and with finite gradients."""

from __future__ import annotations

from typing import Any

from keras_multiloss._platform import ops

#: Probabilities are read as lying this far from 0 (and, of events, from 1), as in Keras:
#: in float32, 1 - 1e-7 is the nearest number below 1.
EPSILON = 1e-7


def of_classes(numbers: Any, scores: Any) -> Any:
    """Class numbers as distributions over the classes of the scores, in float32.

    A number that no class has, below 0 or too high, gives zeros.
    """
    classes = ops.cast(ops.arange(ops.shape(scores)[-1]), "int32")
    numbers = ops.expand_dims(ops.cast(numbers, "int32"), -1)
    return ops.cast(ops.equal(numbers, classes), "float32")


def log_categorical(outputs: Any, *, from_logits: bool) -> Any:
    """The logarithms of distributions over the last axis."""
    if from_logits:
        return ops.log_softmax(outputs, axis=-1)
    return ops.log(ops.clip(outputs, EPSILON, 1.0))


def log_bernoulli(outputs: Any, *, from_logits: bool) -> tuple[Any, Any]:
    """The logarithms of the probability that an event happens, and that it does not."""
    if from_logits:
        return -ops.softplus(-outputs), -ops.softplus(outputs)
    p = ops.clip(outputs, EPSILON, 1.0 - EPSILON)
    return ops.log(p), ops.log(1.0 - p)
