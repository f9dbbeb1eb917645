"""Gradients on the backend of the lane, and by finite differences in float64."""

from collections.abc import Callable
from typing import Any

import numpy as np

from keras_multiloss._platform import backend


def gradients(function: Callable[..., Any], arrays: tuple[np.ndarray, ...]) -> list[np.ndarray]:
    """The gradients of a scalar function of tensors, zero for tensors it does not move with."""
    arrays = tuple(array.astype("float32") for array in arrays)
    return {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}[backend()](function, arrays)


def _tensorflow(function, arrays):
    import tensorflow as tf

    tensors = [tf.convert_to_tensor(array) for array in arrays]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        value = function(*tensors)
    found = tape.gradient(value, tensors, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return [gradient.numpy() for gradient in found]


def _jax(function, arrays):
    import jax

    found = jax.grad(function, argnums=tuple(range(len(arrays))))(*arrays)
    return [np.asarray(gradient) for gradient in found]


def _torch(function, arrays):
    import torch

    tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    found = torch.autograd.grad(function(*tensors), tensors, allow_unused=True)
    pairs = zip(found, arrays, strict=True)
    return [np.zeros_like(array) if g is None else g.numpy() for g, array in pairs]


def finite_differences(
    function: Callable[..., float], arrays: tuple[np.ndarray, ...], step: float = 1e-6
) -> list[np.ndarray]:
    """Central differences of a scalar function of float64 arrays, entry by entry."""
    found = []
    for place, array in enumerate(arrays):
        gradient = np.zeros_like(array)
        for index in np.ndindex(array.shape):
            moved = [array.copy(), array.copy()]
            moved[0][index] += step
            moved[1][index] -= step
            above, below = (function(*arrays[:place], m, *arrays[place + 1 :]) for m in moved)
            gradient[index] = (above - below) / (2 * step)
        found.append(gradient)
    return found
