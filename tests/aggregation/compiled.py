"""Rules as training runs them: compiled where the backend compiles."""

import functools

import numpy as np

from keras_multiloss._platform import backend, double_precision, ops


def combined(rule, jacobian):
    """The combination of float64 gradients by a rule, as float64."""
    jacobian = ops.convert_to_tensor(np.asarray(jacobian, "float32"))
    found = _compiled(rule, tuple(jacobian.shape))(jacobian)
    return ops.convert_to_numpy(found).astype("float64")


def weights(rule, jacobian):
    """The weights that a rule gives float64 gradients, as float64."""
    gramian = ops.convert_to_tensor((jacobian @ jacobian.T).astype("float32"))
    found = _compiled(rule.weights, tuple(gramian.shape))(gramian)
    return ops.convert_to_numpy(found).astype("float64")


def in_float64(function, *arrays):
    """What a function of float64 tensors gives, as one array or several."""
    with double_precision():
        tensors = [ops.cast(ops.convert_to_tensor(x), "float64") for x in arrays]
        found = _compiled(function, tuple(tuple(x.shape) for x in tensors))(*tensors)
        several = isinstance(found, tuple)
        return [ops.convert_to_numpy(x) for x in found] if several else ops.convert_to_numpy(found)


@functools.cache
def _compiled(function, shape):
    """A function of its own for each shape, as TensorFlow warns of many shapes in one."""
    if backend() == "torch":
        return function
    if backend() == "jax":
        import jax

        return jax.jit(function)
    import tensorflow as tf

    return tf.function(function, autograph=False)
