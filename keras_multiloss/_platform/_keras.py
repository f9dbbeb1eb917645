"""The Keras of this process, its version, its backend, and `ops`."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
from typing import TYPE_CHECKING, Any, TypeVar

from keras_multiloss._platform._ops_of_keras_2 import ops_over_tensorflow
from keras_multiloss._platform._ops_on_torch import ops_on_torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

C = TypeVar("C", bound="Callable[..., Any]")
if not TYPE_CHECKING and os.environ.get("TF_USE_LEGACY_KERAS", "").lower() in {"1", "true"}:
    import tf_keras as keras
else:
    import keras as keras  # noqa: PLC0414 (others import it from here)

VERSION = tuple(int(part) for part in keras.__version__.split(".")[:2])
KERAS_3 = VERSION >= (3, 0)
HAS_OPTIONAL_INPUTS = VERSION >= (3, 10)  # 3.5 has them, but its models refuse `None`
HAS_ADDONS = not KERAS_3 and importlib.util.find_spec("tensorflow_addons") is not None
PyDataset = keras.utils.PyDataset if KERAS_3 else keras.utils.Sequence


def backend() -> str:
    """The name of the backend: `"tensorflow"`, `"jax"` or `"torch"`."""
    return keras.backend.backend()


def tensorflow() -> Any:
    """The TensorFlow module."""
    import tensorflow as tf  # noqa: PLC0415 (an optional backend, imported when used)

    return tf


def _ops_of_this_process() -> Any:
    if not KERAS_3:
        return ops_over_tensorflow()
    return ops_on_torch(keras.ops) if backend() == "torch" else keras.ops


ops = _ops_of_this_process()


@contextlib.contextmanager
def outside_of_tracing() -> Iterator[None]:
    """A block that runs at once, also inside a step that is being traced."""
    if backend() == "jax":
        with importlib.import_module("jax").ensure_compile_time_eval():
            yield
    elif backend() == "torch":
        with importlib.import_module("torch").no_grad():
            yield
    else:
        with tensorflow().init_scope():
            yield


def not_converted(call: C) -> C:
    """Let Keras 2 run the `call` of a layer as it is written; Keras 3 does so anyway.

    Its converter would rewrite every function of this library on the way to a user's loss.
    """
    return call if KERAS_3 else tensorflow().autograph.experimental.do_not_convert(call)


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


def is_traced(tensor: Any) -> bool:
    """Whether a tensor stands for the values of a program that is being traced."""
    if backend() == "tensorflow":
        return not tensorflow().executing_eagerly()
    if backend() == "jax":
        return isinstance(tensor, importlib.import_module("jax").core.Tracer)
    return False


def named_operations(name: str) -> contextlib.AbstractContextManager[Any]:
    """A block whose operations have a name that errors of a graph of TensorFlow show."""
    if backend() != "tensorflow":
        return contextlib.nullcontext()
    return tensorflow().name_scope(name)


def to_dense(tensor: Any) -> Any:
    """A sparse tensor of the backend, or anything else, as a dense tensor."""
    if getattr(tensor, "is_sparse", False):  # of PyTorch, which Keras leaves as it is
        return tensor.to_dense()
    if KERAS_3:
        return ops.convert_to_tensor(tensor, sparse=False)
    tf = tensorflow()
    is_sparse = isinstance(tensor, tf.SparseTensor)
    return tf.sparse.to_dense(tensor) if is_sparse else tf.convert_to_tensor(tensor)


def with_axes(tensor: Any, n_axes: int) -> Any:
    """A tensor of unknown rank, which only TensorFlow has, with so many axes.

    It gets axes of one entry at the end; one number per sample may have too many of them.
    """
    tf = tensorflow()
    shape, n_samples = tf.shape(tensor), tf.shape(tensor)[0]
    padded = tf.concat([shape, tf.ones(n_axes, "int32")], axis=0)[:n_axes]
    of_samples = tf.concat([[n_samples], tf.ones(n_axes - 1, "int32")], axis=0)
    shape = tf.where(tf.equal(tf.size(tensor), n_samples), of_samples, padded)
    return tf.ensure_shape(tf.reshape(tensor, shape), [None] * n_axes)


def number_of_batches(dataset: Any) -> int | None:
    """The length of a `PyDataset`; `None` if it has no end (Keras 3 only)."""
    return dataset.num_batches if KERAS_3 else len(dataset)


def worker_settings(datasets: Sequence[Any]) -> dict[str, Any]:
    """How `fit` reads a `PyDataset` made of others; on Keras 2 `fit` itself is told."""
    if not KERAS_3:
        return {}
    names = ("workers", "use_multiprocessing", "max_queue_size")
    return {name: max(getattr(dataset, name) for dataset in datasets) for name in names}


def leaves_of(structure: Any) -> list[Any]:
    """The leaves of nested lists and dicts."""
    leaves = keras.tree.flatten if KERAS_3 else tensorflow().nest.flatten
    return list(leaves(structure))


def in_structure_of(structure: Any, leaves: Sequence[Any]) -> Any:
    """Leaves in the form of nested lists and dicts."""
    pack = keras.tree.pack_sequence_as if KERAS_3 else tensorflow().nest.pack_sequence_as
    return pack(structure, leaves)
