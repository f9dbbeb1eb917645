"""One of two ways through a step, which the compilers of TensorFlow and JAX keep apart."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from keras_multiloss._platform._keras import backend, tensorflow

if TYPE_CHECKING:
    from collections.abc import Callable


def either(condition: Any, first: Callable[[], Any], second: Callable[[], Any]) -> Any:
    """What one of two functions gives; only that one is computed.

    A step that is compiled traces both, the first one first. `keras.ops.cond` traces on PyTorch
    only what it can, and Keras 2 does not have it.

    Args:
        condition: a scalar, whether it is the first one.
        first: gives nested lists and dicts of tensors.
        second: gives the same of the same shapes.
    """
    if backend() == "tensorflow":
        return tensorflow().cond(condition, first, second)
    if backend() == "jax":
        return importlib.import_module("jax").lax.cond(condition, first, second)
    return first() if bool(condition) else second()
