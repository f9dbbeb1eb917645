"""The names of `keras.ops` that the library uses, over TensorFlow, for Keras 2."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


def ops_over_tensorflow() -> Any:
    """The names of `keras.ops` that the library uses, for Keras 2."""
    import tensorflow as tf  # noqa: PLC0415 (of the Keras 2 lanes only)

    def convert_to_tensor(x: Any, dtype: Any = None) -> Any:
        if dtype is not None and tf.is_tensor(x):
            return tf.cast(x, dtype)
        if dtype is None and isinstance(x, float):
            dtype = "float32"
        return tf.convert_to_tensor(x, dtype)

    def shape(x: Any) -> tuple[Any, ...]:
        static, dynamic = x.shape, tf.shape(x)
        return tuple(dynamic[i] if d is None else d for i, d in enumerate(static))

    return SimpleNamespace(
        abs=tf.abs,
        all=tf.reduce_all,
        any=tf.reduce_any,
        arange=tf.range,
        arctan2=tf.atan2,
        argmax=lambda x, axis: tf.argmax(x, axis=axis, output_type="int32"),
        argmin=lambda x, axis: tf.argmin(x, axis=axis, output_type="int32"),
        argsort=tf.argsort,
        cast=tf.cast,
        clip=tf.clip_by_value,
        concatenate=tf.concat,
        convert_to_numpy=lambda x: tf.convert_to_tensor(x).numpy(),
        convert_to_tensor=convert_to_tensor,
        cos=tf.cos,
        cumsum=tf.cumsum,
        diagonal=tf.linalg.diag_part,
        eigh=tf.linalg.eigh,
        equal=tf.equal,
        exp=tf.exp,
        expand_dims=tf.expand_dims,
        expm1=tf.math.expm1,
        eye=tf.eye,
        full_like=lambda x, value: tf.fill(tf.shape(x), tf.cast(value, x.dtype)),
        is_tensor=tf.is_tensor,
        isfinite=tf.math.is_finite,
        isnan=tf.math.is_nan,
        log=tf.math.log,
        log1p=tf.math.log1p,
        log_softmax=tf.nn.log_softmax,
        logaddexp=tf.experimental.numpy.logaddexp,
        logical_and=tf.logical_and,
        logical_not=tf.logical_not,
        logical_or=tf.logical_or,
        logsumexp=tf.reduce_logsumexp,
        matmul=tf.matmul,
        max=tf.reduce_max,
        maximum=tf.maximum,
        mean=tf.reduce_mean,
        min=tf.reduce_min,
        minimum=tf.minimum,
        not_equal=tf.not_equal,
        one_hot=lambda x, n: tf.one_hot(tf.cast(x, "int32"), n),
        ones=tf.ones,
        ones_like=tf.ones_like,
        pad=lambda x, width, constant_values=0: tf.pad(x, width, constant_values=constant_values),
        power=tf.pow,
        prod=tf.reduce_prod,
        relu=tf.nn.relu,
        reshape=tf.reshape,
        round=tf.round,
        shape=shape,
        sigmoid=tf.sigmoid,
        sign=tf.sign,
        sin=tf.sin,
        softmax=tf.nn.softmax,
        softplus=tf.nn.softplus,
        solve=tf.linalg.solve,
        sort=tf.sort,
        sqrt=tf.sqrt,
        square=tf.square,
        squeeze=tf.squeeze,
        stack=tf.stack,
        stop_gradient=tf.stop_gradient,
        sum=tf.reduce_sum,
        take=lambda x, indices, axis: tf.gather(x, indices, axis=axis),
        take_along_axis=tf.experimental.numpy.take_along_axis,
        transpose=tf.transpose,
        unstack=tf.unstack,
        where=tf.where,
        while_loop=tf.while_loop,
        zeros=tf.zeros,
        zeros_like=tf.zeros_like,
    )
