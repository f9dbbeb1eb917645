"""Variables that layers and metrics own, alike for every backend and version."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from keras_multiloss._platform._keras import KERAS_3, backend, keras, ops, tensorflow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


_HAS_SYNCHRONIZATION = KERAS_3 and "synchronization" in inspect.signature(keras.Variable).parameters


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
        initializer=_initializer_of(initial),
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


def _initializer_of(value: Any) -> Any:
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

    Assigning a mirrored variable makes the replicas wait for each other in the middle of a
    call; the `loss` that Keras logged then counted one replica's loss in place of another's.
    """
    if backend() != "tensorflow":
        options: dict[str, Any] = {"autocast": False}
    elif KERAS_3 and not _HAS_SYNCHRONIZATION:
        # Replicas that hold one value of a sum give its mean; ratios of sums stay the same.
        shared = "mean" if aggregation == "sum" else aggregation
        options = {"autocast": False, "aggregation": shared}
    elif KERAS_3:
        variable = keras.Variable(
            _initializer_of(initial),
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
        initializer=_initializer_of(initial),
        trainable=False,
        **options,
    )


def add_metric_sums(metric: Any, name: str, shape: tuple[int, ...]) -> Any:
    """A variable of a metric, zero at the start."""
    if KERAS_3:
        return metric.add_variable(shape=shape, initializer="zeros", name=name)
    return metric.add_weight(name=name, shape=shape, initializer="zeros")


def variables_unknown_to(optimizer: Any, variables: Sequence[Any]) -> list[Any]:
    """The variables that an optimizer was not built for, if it was built."""
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)  # of loss scaling
    if KERAS_3:
        known = {id(v) for v in optimizer._trainable_variables} if optimizer.built else None
    else:
        known = getattr(optimizer, "_index_dict", None) if _is_built(optimizer) else None
    if known is None:
        return []
    key = id if KERAS_3 else optimizer._var_key
    return [variable for variable in variables if key(variable) not in known]


def _is_built(optimizer: Any) -> bool:
    return bool(getattr(optimizer, "_built", False)) and hasattr(optimizer, "_var_key")
