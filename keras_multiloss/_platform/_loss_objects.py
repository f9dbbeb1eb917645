"""What Keras knows of loss objects and does not say in public."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from typing import TYPE_CHECKING, Any

from keras_multiloss._platform._keras import HAS_ADDONS, KERAS_3, keras

if TYPE_CHECKING:
    from collections.abc import Callable


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
