"""The logits that Keras's crossentropies find behind an output of TensorFlow."""

from __future__ import annotations

from typing import Any, NamedTuple

from keras_multiloss._platform._keras import backend, keras, tensorflow


class Activation(NamedTuple):
    """What made probabilities out of logits.

    Args:
        operation: the type of TensorFlow's operation; `None` where it cannot be told.
        is_of_keras: whether Keras noted the logits on the output.
    """

    operation: str | None
    is_of_keras: bool

    @property
    def is_known(self) -> bool:
        """Whether the same can be done to other logits."""
        return self.operation is not None

    def __call__(self, logits: Any) -> Any:
        """The probabilities of logits, behind which the crossentropies find them."""
        of_keras, of_tensorflow = keras.activations, tensorflow().nn
        source = of_keras if self.is_of_keras else of_tensorflow
        return source.sigmoid(logits) if self.operation == "Sigmoid" else source.softmax(logits)


def activation_of(output: Any) -> Activation | None:
    """The activation whose logits a crossentropy of Keras may take instead of an output.

    On TensorFlow, the crossentropies look behind a probability for the logits that it was made of,
    as these saturate later. `None` where there are none.
    """
    if backend() != "tensorflow":
        return None
    is_of_keras = hasattr(output, "_keras_logits")
    operation = _operation(output)
    if operation in {"Sigmoid", "Softmax"}:
        is_same = not is_of_keras or output._keras_logits is logits_of(output)
        return Activation(operation if is_same else None, is_of_keras)
    return Activation(None, is_of_keras) if is_of_keras else None


def logits_of(output: Any) -> Any:
    """What an activation made an output of."""
    return output.op.inputs[0]


def _operation(output: Any) -> str | None:
    """The type of the operation that made a tensor of a graph; `None` outside of graphs."""
    try:
        return str(output.op.type)
    except AttributeError:
        return None
