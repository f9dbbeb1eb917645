"""The one file that knows Keras 2 from Keras 3.

Everything else imports ``keras`` and ``ops`` from here. With ``TF_USE_LEGACY_KERAS=1``
``keras`` is the ``tf_keras`` package; otherwise it is whatever ``import keras`` gives.
The private attributes of Keras that the library cannot do without are read here and
nowhere else; ``tests/test_keras.py`` fails when one of them changes.
"""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

if os.environ.get("TF_USE_LEGACY_KERAS", "").lower() in {"1", "true"}:
    import tf_keras as keras
else:
    import keras

KERAS_3 = int(keras.__version__.split(".")[0]) >= 3
HAS_OPTIONAL_INPUTS = KERAS_3

PyDataset = keras.utils.PyDataset if KERAS_3 else keras.utils.Sequence


def backend() -> str:
    """The name of the backend: `"tensorflow"`, `"jax"` or `"torch"`."""
    return keras.backend.backend()


def _tensorflow() -> Any:
    import tensorflow as tf  # noqa: PLC0415 (an optional backend, imported when used)

    return tf


def _ops_over_tensorflow() -> Any:
    """The names of `keras.ops` that the library uses, for Keras 2."""
    tf = _tensorflow()

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
        argmax=lambda x, axis=-1: tf.argmax(x, axis=axis, output_type="int32"),
        cast=tf.cast,
        clip=tf.clip_by_value,
        concatenate=tf.concat,
        convert_to_numpy=lambda x: tf.convert_to_tensor(x).numpy(),
        convert_to_tensor=convert_to_tensor,
        equal=tf.equal,
        exp=tf.exp,
        expand_dims=tf.expand_dims,
        expm1=tf.math.expm1,
        full_like=lambda x, value: tf.fill(tf.shape(x), tf.cast(value, x.dtype)),
        is_tensor=tf.is_tensor,
        isnan=tf.math.is_nan,
        log=tf.math.log,
        log_softmax=tf.nn.log_softmax,
        logical_and=tf.logical_and,
        logical_not=tf.logical_not,
        logical_or=tf.logical_or,
        logsumexp=tf.reduce_logsumexp,
        max=tf.reduce_max,
        maximum=tf.maximum,
        mean=tf.reduce_mean,
        minimum=tf.minimum,
        not_equal=tf.not_equal,
        ones=tf.ones,
        one_hot=lambda x, n: tf.one_hot(tf.cast(x, "int32"), n),
        ones_like=tf.ones_like,
        pad=lambda x, width, constant_values=0: tf.pad(x, width, constant_values=constant_values),
        prod=tf.reduce_prod,
        reshape=tf.reshape,
        round=tf.round,
        shape=shape,
        sigmoid=tf.sigmoid,
        softplus=tf.nn.softplus,
        sqrt=tf.sqrt,
        square=tf.square,
        squeeze=tf.squeeze,
        stack=tf.stack,
        stop_gradient=tf.stop_gradient,
        sum=tf.reduce_sum,
        take=lambda x, indices, axis=0: tf.gather(x, indices, axis=axis),
        take_along_axis=lambda x, i, axis: tf.experimental.numpy.take_along_axis(x, i, axis),
        where=tf.where,
        zeros=tf.zeros,
        zeros_like=tf.zeros_like,
    )


ops = keras.ops if KERAS_3 else _ops_over_tensorflow()


def dtype_name(tensor: Any) -> str:
    """The dtype of a tensor as a string, alike for every backend."""
    return str(getattr(tensor.dtype, "name", tensor.dtype)).removeprefix("torch.")


def is_floating(tensor: Any) -> bool:
    """Whether the tensor holds floating point numbers."""
    return "float" in dtype_name(tensor)


def is_tensor(x: Any) -> bool:
    """Whether `x` is a tensor of the backend, a symbolic tensor or an array."""
    return hasattr(x, "shape") and hasattr(x, "dtype")


def is_symbolic(x: Any) -> bool:
    """Whether `x` is a symbolic input or output of a functional model."""
    return type(x).__name__ == "KerasTensor"


def number_of_batches(dataset: Any) -> int | None:
    """The length of a `PyDataset`; `None` if it has no end (Keras 3 only)."""
    return dataset.num_batches if KERAS_3 else len(dataset)


def worker_settings(datasets: Sequence[Any]) -> dict[str, Any]:
    """How `fit` reads a `PyDataset` made of others; on Keras 2 `fit` itself is told."""
    if not KERAS_3:
        return {}
    names = ("workers", "use_multiprocessing", "max_queue_size")
    return {name: max(getattr(dataset, name) for dataset in datasets) for name in names}


def symbols_like(structure: Any, *, batch_size: int | None = None) -> Any:
    """Symbolic tensors of the same shapes, outside any graph; of a given batch size."""

    def symbol(x: Any) -> Any:
        shape = x.shape if batch_size is None else (batch_size, *x.shape[1:])
        return keras.KerasTensor(shape, dtype=x.dtype)

    return keras.tree.map_structure(lambda x: symbol(x) if is_symbolic(x) else x, structure)


def keras_mask(tensor: Any) -> Any:
    """The mask that `Masking` or `Embedding(mask_zero=True)` left on a tensor, or `None`.

    Keras 3 keeps the masks of tensors that take no attributes (JAX) in a table of its own.
    """
    if not KERAS_3:
        return getattr(tensor, "_keras_mask", None)
    from keras.src.backend.common.masking import get_keras_mask  # noqa: PLC0415 (Keras 3 only)

    return get_keras_mask(tensor)


def constructor_extras(loss: Any) -> dict[str, Any]:
    """Arguments that a Keras loss keeps but leaves out of its config.

    `Huber.get_config` drops `delta`, for one; it lives in `_fn_kwargs`.
    """
    extras = dict(getattr(loss, "_fn_kwargs", {}))
    if KERAS_3 and loss.dtype != keras.config.floatx():
        extras["dtype"] = loss.dtype
    return extras


def is_from_other_keras(obj: Any) -> bool:
    """Whether an object belongs to the Keras that this process does not use."""
    other = {"keras", "tf_keras"} - {keras.__name__.split(".")[0]}
    cls = obj if isinstance(obj, type) else type(obj)
    return any(base.__module__.split(".")[0] in other for base in cls.__mro__)


def scale_for_distribution(loss: Any) -> Any:
    """Divide a loss by the number of replicas, which `tf.distribute` adds up again."""
    if backend() != "tensorflow":
        return loss
    n_replicas = _tensorflow().distribute.get_strategy().num_replicas_in_sync
    return loss / n_replicas if n_replicas > 1 else loss


def add_counter(layer: Any, name: str) -> Any:
    """An integer weight of a layer that starts at 0 and is not trained."""
    return layer.add_weight(
        name=name, shape=(), dtype="int32", initializer="zeros", trainable=False
    )


def add_sums(layer: Any, name: str, shape: tuple[int, ...]) -> Any:
    """A float32 weight of a layer that replicas average, outside autocasting."""
    kwargs: dict[str, Any] = {"autocast": False} if KERAS_3 else {}
    if backend() == "tensorflow":
        kwargs["aggregation"] = "mean" if KERAS_3 else _tensorflow().VariableAggregation.MEAN
    return layer.add_weight(
        name=name, shape=shape, dtype="float32", initializer="zeros", trainable=False, **kwargs
    )


def add_metric_sums(metric: Any, name: str, shape: tuple[int, ...]) -> Any:
    """A variable of a metric, zero at the start."""
    if KERAS_3:
        return metric.add_variable(shape=shape, initializer="zeros", name=name)
    return metric.add_weight(name=name, shape=shape, initializer="zeros")


def set_state_layer(model: Any, name: str, layer: Any) -> None:
    """Set a sublayer of a model that is already built, in place of the one before it.

    Keras tracks the sublayers of a functional model when it is made; it keeps those that
    were replaced later (3.15) or misses those that were added later (3.7).
    """
    old = getattr(model, name, None)
    setattr(model, name, layer)
    if KERAS_3:
        kept = [x for x in model._layers if x is not old and x is not layer]
        model._layers = kept if layer is None else [*kept, layer]


def replay_without(model: Any, is_dropped: Callable[[Any], bool]) -> Any:
    """The symbolic outputs of a functional model, on new calls that leave layers out.

    A dropped layer gives its first argument. Returns the inputs and the outputs, each in
    the structure of the model's own.
    """
    if KERAS_3:
        return _replay_keras_3(model, is_dropped)
    return _replay_keras_2(model, is_dropped)


def _replay_keras_3(model: Any, is_dropped: Callable[[Any], bool]) -> Any:
    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        return args[0] if is_dropped(layer) else layer(*args, **kwargs)

    plain = keras.Model(model.input, model.output)
    replayed = keras.models.clone_model(plain, clone_function=lambda x: x, call_function=call)
    return replayed.input, replayed.output


def _replay_keras_2(model: Any, is_dropped: Callable[[Any], bool]) -> Any:
    tf = _tensorflow()
    tensors = {id(t): t for t in model.inputs}
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            if node.is_input:
                continue
            args, kwargs = tf.nest.map_structure(
                lambda t: tensors.get(id(t), t), (node.call_args, node.call_kwargs)
            )
            new = args[0] if is_dropped(node.layer) else node.layer(*args, **kwargs)
            for before, after in zip(
                tf.nest.flatten(node.outputs), tf.nest.flatten(new), strict=True
            ):
                tensors[id(before)] = after
    return model.input, tf.nest.map_structure(lambda t: tensors[id(t)], model.output)
