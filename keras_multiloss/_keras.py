"""The one file that knows Keras 2 from Keras 3.

Everything else imports ``keras`` and ``ops`` from here. With ``TF_USE_LEGACY_KERAS=1``
``keras`` is the ``tf_keras`` package; otherwise it is whatever ``import keras`` gives.
The private attributes of Keras that the library cannot do without are read here and
nowhere else; ``tests/test_keras.py`` fails when one of them changes.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
from typing import TYPE_CHECKING, Any

from keras_multiloss._tensorflow_ops import ops_over_tensorflow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

if not TYPE_CHECKING and os.environ.get("TF_USE_LEGACY_KERAS", "").lower() in {"1", "true"}:
    import tf_keras as keras
else:
    import keras as keras  # noqa: PLC0414 (others import it from here)

VERSION = tuple(int(part) for part in keras.__version__.split(".")[:2])
KERAS_3 = VERSION >= (3, 0)
HAS_OPTIONAL_INPUTS = VERSION >= (3, 10)  # 3.5 has them, but its models refuse `None`
HAS_ADDONS = not KERAS_3 and importlib.util.find_spec("tensorflow_addons") is not None
_HAS_SYNCHRONIZATION = KERAS_3 and "synchronization" in inspect.signature(keras.Variable).parameters

PyDataset = keras.utils.PyDataset if KERAS_3 else keras.utils.Sequence


def backend() -> str:
    """The name of the backend: `"tensorflow"`, `"jax"` or `"torch"`."""
    return keras.backend.backend()


def tensorflow() -> Any:
    """The TensorFlow module."""
    import tensorflow as tf  # noqa: PLC0415 (an optional backend, imported when used)

    return tf


ops: Any = keras.ops if KERAS_3 else ops_over_tensorflow()


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


def to_dense(tensor: Any) -> Any:
    """A sparse tensor of the backend, or anything else, as a dense tensor."""
    if getattr(tensor, "is_sparse", False):  # of PyTorch, which Keras leaves as it is
        return tensor.to_dense()
    if KERAS_3:
        return ops.convert_to_tensor(tensor, sparse=False)
    tf = tensorflow()
    is_sparse = isinstance(tensor, tf.SparseTensor)
    return tf.sparse.to_dense(tensor) if is_sparse else tf.convert_to_tensor(tensor)


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
    """Symbolic tensors of the same shapes, outside any graph; of a given batch size.

    Other unknown axes get that size, too: they may be the batch again, as of similarities.
    """

    def symbol(x: Any) -> Any:
        rest = (batch_size if size is None else size for size in x.shape[1:])
        shape = x.shape if batch_size is None else (batch_size, *rest)
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


def set_keras_mask(tensor: Any, mask: Any) -> None:
    """Mark which entries of a tensor count, as the masking layers of Keras do."""
    if not KERAS_3:
        tensor._keras_mask = mask
        return
    from keras.src.backend.common.masking import set_keras_mask as set_mask  # noqa: PLC0415

    set_mask(tensor, mask)


def seen_as_tuple_of(entry: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Let `compile(loss=loss)` of Keras 3 call a loss once, with all outputs and labels.

    Keras hands a loss object one output at a time, but a tuple of losses the structure of all
    outputs. It takes objects of the decorated class for a tuple of one loss.

    Args:
        entry: a function from an object to that loss, which is of another class.
    """

    def decorate(cls: Any) -> Any:
        if KERAS_3:
            from keras.src.tree.tree_api import register_tree_node_class  # noqa: PLC0415

            cls.tree_flatten = cls.torchtree_flatten = lambda self: ((entry(self),), None)
            cls.tree_unflatten = classmethod(lambda _cls, _metadata, entries: tuple(entries))
            cls.torchtree_unflatten = staticmethod(lambda entries, _metadata: tuple(entries))
            register_tree_node_class(cls)
        return cls

    return decorate


def constructor_extras(loss: Any) -> dict[str, Any]:
    """Arguments that a Keras loss keeps but leaves out of its config.

    `Huber.get_config` drops `delta`, for one; it lives in `_fn_kwargs`.
    """
    extras = dict(getattr(loss, "_fn_kwargs", {}))
    if KERAS_3 and loss.dtype != keras.config.floatx():
        extras["dtype"] = loss.dtype
    return extras


def register_addons() -> None:
    """Import TensorFlow Addons where it is installed, which registers its losses."""
    if HAS_ADDONS:
        importlib.import_module("tensorflow_addons")


def is_from_other_keras(obj: Any) -> bool:
    """Whether an object or a function belongs to the Keras that this process does not use."""
    other = {"keras", "tf_keras"} - {keras.__name__.split(".")[0]}
    owners = (obj,) if inspect.isfunction(obj) else type(obj).__mro__
    return any(str(owner.__module__).split(".")[0] in other for owner in owners)


def n_replicas() -> int:
    """The number of replicas of `tf.distribute`, whose losses and gradients are added up."""
    if backend() != "tensorflow":
        return 1
    return int(tensorflow().distribute.get_strategy().num_replicas_in_sync)


def scale_for_distribution(loss: Any) -> Any:
    """Divide a loss by the number of replicas, which `tf.distribute` adds up again."""
    return loss / n_replicas() if n_replicas() > 1 else loss


def scale_loss_object(loss: Any, reduction: str) -> Any:
    """Scale what a loss object returns; Keras 2 itself scales means over the batch."""
    is_scaled_later = not KERAS_3 and reduction == "sum_over_batch_size"
    return loss if is_scaled_later else scale_for_distribution(loss)


def loss_scale(optimizer: Any) -> Any:
    """The factor by which an optimizer scales losses, and their gradients back, for float16."""
    if KERAS_3:
        return optimizer.scale_loss(1.0)
    return getattr(optimizer, "loss_scale", 1.0)


def value_of(variable: Any) -> Any:
    """The tensor that a variable holds."""
    return variable.value if backend() == "torch" else ops.convert_to_tensor(variable)


def add_counter(layer: Any, name: str) -> Any:
    """An integer weight of a layer that starts at 0 and is not trained."""
    return _add_local_weight(layer, name, (), "int32", "only_first_replica")


def add_sums(layer: Any, name: str, shape: tuple[int, ...]) -> Any:
    """A float32 weight of a layer that replicas add up, outside autocasting."""
    return _add_local_weight(layer, name, shape, "float32", "sum")


def add_state(layer: Any, name: str, initial: Any) -> Any:
    """A float32 weight of a layer that replicas keep alike, outside autocasting."""
    shape = tuple(initial.shape)
    return _add_local_weight(layer, name, shape, "float32", "only_first_replica", initial)


def add_trained(layer: Any, name: str, initial: Any, constraint: Any) -> Any:
    """A float32 weight of a layer that the optimizer of its model trains."""
    return layer.add_weight(
        name=name,
        shape=tuple(initial.shape),
        dtype="float32",
        initializer=_constant(initial),
        constraint=None if constraint is None else _FunctionConstraint(constraint),
        **({"autocast": False} if KERAS_3 else {}),
    )


class _FunctionConstraint(keras.constraints.Constraint):
    """A function as Keras takes constraints of weights."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self.function = function

    def __call__(self, weight: Any) -> Any:
        return self.function(weight)


def _constant(value: Any) -> Any:
    """An initializer that gives one array."""
    if value is None:
        return "zeros"
    return lambda shape, dtype=None: ops.reshape(ops.convert_to_tensor(value, dtype), shape)


def _add_local_weight(
    layer: Any,
    name: str,
    shape: tuple[int, ...],
    dtype: str,
    aggregation: str,
    initial: Any = None,
) -> Any:
    """A weight that each replica of `tf.distribute` assigns for itself.

    To assign a mirrored variable makes the replicas wait for each other in the middle of a
    call; the `loss` that Keras logs was then seen to count one replica's loss for another.
    """
    if backend() != "tensorflow":
        options: dict[str, Any] = {"autocast": False}
    elif KERAS_3 and not _HAS_SYNCHRONIZATION:
        # Replicas that hold one value of a sum give its mean; ratios of sums stay the same.
        shared = "mean" if aggregation == "sum" else aggregation
        options = {"autocast": False, "aggregation": shared}
    elif KERAS_3:
        variable = keras.Variable(
            _constant(initial),
            shape=shape,
            dtype=dtype,
            trainable=False,
            autocast=False,
            aggregation=aggregation,
            synchronization="on_read",
            name=name,
        )
        setattr(layer, f"{name}_variable", variable)  # which tracks it
        return variable
    else:
        tf = tensorflow()
        options = {
            "synchronization": tf.VariableSynchronization.ON_READ,
            "aggregation": getattr(tf.VariableAggregation, aggregation.upper()),
        }
    return layer.add_weight(
        name=name,
        shape=shape,
        dtype=dtype,
        initializer=_constant(initial),
        trainable=False,
        **options,
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


def replay_without(
    model: Any, stand_in: Callable[[Any], Callable[..., Any] | None]
) -> tuple[Any, Any, set[int]]:
    """A functional model's graph, called anew without some layers.

    Args:
        model: a functional model.
        stand_in: from a layer to the function of its first argument that takes its place;
            `None` for a layer that is kept.

    Returns:
        The inputs and the outputs, each in the structure of the model's own, and the `id`
        of the inputs that the outputs depend on.
    """
    sources = _Sources()

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        replacement = stand_in(layer)
        if replacement is not None:
            return replacement(args[0])
        outputs = layer(*args, **kwargs)
        sources.add(outputs, (args, kwargs))
        return outputs

    inputs, outputs = (_replay_keras_3 if KERAS_3 else _replay_keras_2)(model, call)
    return inputs, outputs, sources.of(outputs)


class _Sources:
    """Which inputs of a graph each of its tensors comes from."""

    def __init__(self) -> None:
        self._inputs_of: dict[int, set[int]] = {}
        self._kept: list[Any] = []  # an id is that of a living object only

    def add(self, outputs: Any, arguments: Any) -> None:
        sources = self.of(arguments)
        for tensor in flatten(outputs):
            self._inputs_of[id(tensor)] = sources
            self._kept.append(tensor)

    def of(self, structure: Any) -> set[int]:
        tensors = [x for x in flatten(structure) if is_symbolic(x)]
        return set().union(*(self._inputs_of.get(id(x), {id(x)}) for x in tensors))


def flatten(structure: Any) -> list[Any]:
    """The leaves of nested lists and dicts."""
    leaves = keras.tree.flatten if KERAS_3 else tensorflow().nest.flatten
    return list(leaves(structure))


def pack_as(structure: Any, leaves: Sequence[Any]) -> Any:
    """Leaves in the form of nested lists and dicts."""
    pack = keras.tree.pack_sequence_as if KERAS_3 else tensorflow().nest.pack_sequence_as
    return pack(structure, leaves)


def _replay_keras_3(model: Any, call: Callable[..., Any]) -> Any:
    # `clone_model` replays publicly, but makes a model of the result, which some versions
    # refuse while label inputs are left unused.
    plain = keras.Model(model.input, model.output)
    outputs = plain._run_through_graph(plain.inputs, operation_fn=lambda layer: layer, call_fn=call)
    return model.input, outputs


def _replay_keras_2(model: Any, call: Callable[..., Any]) -> Any:
    tf = tensorflow()
    tensors = {id(t): t for t in model.inputs}
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            if node.is_input:
                continue
            args, kwargs = tf.nest.map_structure(
                lambda t: tensors.get(id(t), t), (node.call_args, node.call_kwargs)
            )
            new = call(node.layer, *args, **kwargs)
            for before, after in zip(flatten(node.outputs), flatten(new), strict=True):
                tensors[id(before)] = after
    return model.input, tf.nest.map_structure(lambda t: tensors[id(t)], model.output)
