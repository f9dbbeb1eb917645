"""Faithful (de)serialisation of losses, functions and schedules.

Keras leaves arguments out of the configs of some of its losses, and saves functions that
no other process can load. Here every constructor argument is kept, and what cannot be
restored is refused before training rather than after loading.
"""

from __future__ import annotations

import inspect
from typing import Any, TypeVar

from keras_multiloss._checks import error
from keras_multiloss._keras import KERAS_3, constructor_extras, is_from_other_keras, keras

PACKAGE = "keras_multiloss"

C = TypeVar("C", bound=type)


def serializable(cls: C) -> C:
    """Register a class as `keras_multiloss>Name`, the name that files know it by."""
    return keras.saving.register_keras_serializable(package=PACKAGE)(cls)


def is_builtin(obj: Any) -> bool:
    """Whether Keras itself defines a class or function."""
    return obj.__module__.split(".")[0] in {"keras", "tf_keras"}


def get_loss(where: str, identifier: Any) -> Any:
    """The loss object or loss function that an identifier stands for.

    Raises:
        ValueError: if the name is unknown, or a file could not restore the loss.
        TypeError: if it is no loss, or belongs to the other Keras.
    """
    if isinstance(identifier, str):
        return _get_by_name(where, identifier)
    if isinstance(identifier, type) or not callable(identifier):
        raise error(
            TypeError,
            where,
            "`loss` is not a loss",
            expected="a Keras loss object, a name, a registered function or a JointLoss",
            received=f"{identifier!r} of type {type(identifier).__name__}",
            hint="call the class to make an object" if isinstance(identifier, type) else None,
        )
    if is_from_other_keras(identifier):
        raise other_keras_error(where, "loss", identifier)
    check_saveable(where, "loss", identifier)
    return identifier


def other_keras_error(where: str, argument: str, value: Any) -> TypeError:
    """An error for an object of the Keras that this process does not use."""
    module = type(value).__module__ if not inspect.isfunction(value) else value.__module__
    return error(
        TypeError,
        where,
        f"`{argument}` belongs to another Keras than this process uses",
        expected=f"an object of `{keras.__name__.split('.')[0]}` {keras.__version__}",
        received=f"{value!r} of `{module.split('.')[0]}`",
        hint="import every object from one Keras; TF_USE_LEGACY_KERAS=1, set before the first "
        "import, selects tf_keras",
    )


def _get_by_name(where: str, name: str) -> Any:
    try:
        return keras.losses.get(name)
    except (ValueError, TypeError) as e:
        raise error(
            ValueError,
            where,
            "no loss has this name",
            expected="the name of a Keras loss ('mse', 'binary_crossentropy', ...) or of a "
            "registered one ('package>name')",
            received=repr(name),
        ) from e


def check_saveable(where: str, argument: str, obj: Any) -> None:
    """Raise unless a fresh process could restore the object from a file."""
    target = obj if inspect.isfunction(obj) else type(obj)
    if is_builtin(target):
        return
    name = keras.saving.get_registered_name(target)
    if name == target.__name__:
        kind = "function" if inspect.isfunction(obj) else "class"
        is_lambda = target.__name__ == "<lambda>"
        raise error(
            ValueError,
            where,
            f"`{argument}` cannot be saved: "
            + ("it is a lambda" if is_lambda else f"its {kind} is not registered with Keras"),
            expected=f"a registered {kind}, so that a file can restore it",
            received=repr(obj),
            hint=("write it as a function with `def`, and decorate it with " if is_lambda else
                  f"decorate the {kind} with ")
            + "`@keras.saving.register_keras_serializable(package='my_project')`",
        )
    if keras.saving.get_registered_object(name) is not target:
        raise error(
            ValueError,
            where,
            f"`{argument}` cannot be saved: its registered name belongs to another object",
            expected=f"{name!r} to stand for {target!r}",
            received=f"{keras.saving.get_registered_object(name)!r}",
            hint="register it with a `package` of your own",
        )


def serialize(obj: Any) -> Any:
    """The config of a loss, function or schedule, with all its arguments.

    Functions of Keras are stored by name, everything else by its registered name. The
    format is the library's own, as that of Keras differs between `.keras` and `.h5` files
    and between versions.
    """
    if inspect.isfunction(obj):
        is_known = is_builtin(obj)
        return obj.__name__ if is_known else {"registered_name": _registered_name(obj)}
    config = obj.get_config()
    if isinstance(obj, keras.losses.Loss):
        config = {**_missing_arguments(obj, config), **config}
    return {"registered_name": _registered_name(type(obj)), "config": config}


def _registered_name(target: Any) -> str:
    return str(keras.saving.get_registered_name(target))


def _missing_arguments(loss: Any, config: dict[str, Any]) -> dict[str, Any]:
    """The constructor arguments that a loss leaves out of its config."""
    extras = constructor_extras(loss)
    missing = {}
    for name in inspect.signature(type(loss).__init__).parameters:
        if name in config or name in {"self", "args", "kwargs", "fn"}:
            continue
        if name in extras:
            missing[name] = extras[name]
        elif name != "dtype" and hasattr(loss, name):
            missing[name] = getattr(loss, name)
    return missing


def deserialize(where: str, config: Any, namespace: Any) -> Any:
    """The object that `serialize` made a config of; what is no config is left as it is.

    Args:
        where: what the config is of, for errors.
        config: a dict with a registered name and a config.
        namespace: the module of Keras that knows the names without a package.

    Raises:
        ValueError: naming `where`, if nothing is registered by that name, or it does not
            take the arguments of the config.
    """
    if not isinstance(config, dict):
        return config
    name = config.get("registered_name")
    target = _find(name, namespace)
    if target is None:
        raise error(
            ValueError,
            where,
            "a part of the file cannot be restored",
            expected="the name of a registered class or function",
            received=repr(name),
            hint="import the module that defines and registers it before loading",
        )
    if not isinstance(target, type):
        return target
    arguments = dict(config.get("config") or {})
    if KERAS_3 and arguments.get("reduction") == "auto":
        arguments["reduction"] = "sum_over_batch_size"  # what Keras 2 means by it
    try:
        return target.from_config(arguments)
    except (TypeError, ValueError, KeyError, AttributeError) as e:
        raise error(
            ValueError,
            where,
            "a part of the file does not fit the class it names",
            expected=f"arguments of {name}",
            received=f"{arguments} ({_first_line(e)})",
        ) from e


def _find(name: Any, namespace: Any) -> Any:
    if not isinstance(name, str):
        return None
    if ">" in name:
        return keras.saving.get_registered_object(name)
    known = getattr(namespace, name, None)
    return known if isinstance(known, type) else None


def _first_line(e: Exception) -> str:
    return str(e).strip().splitlines()[0] if str(e).strip() else type(e).__name__
