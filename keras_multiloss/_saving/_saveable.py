"""What a term may hold: losses and schedules that a file can restore.

What cannot be restored is refused when a term is built rather than when a file is loaded.
"""

from __future__ import annotations

import inspect
from typing import Any

from keras_multiloss._messages import error
from keras_multiloss._platform import keras
from keras_multiloss._saving._configs import (
    config_of,
    deserialize,
    first_line,
    is_builtin,
    registered_name,
    serialize,
)

DECORATOR = "`@keras.saving.register_keras_serializable(package='my_project')`"


def check_saveable(where: str, argument: str, obj: Any) -> None:
    """Raise unless a fresh process could restore the object from a file."""
    target = obj if inspect.isfunction(obj) else type(obj)
    if not is_builtin(target):
        _check_registered(where, argument, obj, target)
    if not inspect.isfunction(obj):
        _check_config_is_whole(where, argument, obj)
    if not (inspect.isfunction(obj) or is_builtin(target)):
        _check_is_rebuilt(where, argument, obj)


def _check_registered(where: str, argument: str, obj: Any, target: Any) -> None:
    """Raise unless the registered name of a function or class stands for it."""
    name = registered_name(target)
    kind = "function" if inspect.isfunction(obj) else "class"
    if name == target.__name__:
        is_lambda = name == "<lambda>"
        is_nameless = is_lambda or not (inspect.isfunction(obj) or hasattr(obj, "get_config"))
        raise error(
            ValueError,
            where,
            f"`{argument}` cannot be saved: "
            + ("it is a lambda" if is_lambda else f"its {kind} is not registered with Keras"),
            expected=f"a registered {kind}, so that a file can restore it",
            received=repr(obj),
            hint=f"write a function with `def` and decorate it with {DECORATOR}"
            if is_nameless
            else f"decorate the {kind} with {DECORATOR}",
        )
    registered = keras.saving.get_registered_object(name)
    if registered is not target:
        raise error(
            ValueError,
            where,
            f"`{argument}` cannot be saved: another {kind} is registered under its name",
            expected=f"{name!r} to stand for {target!r}",
            received=repr(registered),
            hint="register it with a `package` of your own",
        )


def _check_is_rebuilt(where: str, argument: str, obj: Any) -> None:
    """Raise unless the config of an object of the user's makes an object like it."""
    config = serialize(obj)
    try:
        again = deserialize(where, config, None)
    except ValueError as e:
        cls = type(obj).__name__
        raise error(
            ValueError,
            where,
            f"`{argument}` cannot be saved: {cls} cannot be built again from its config",
            expected=f"a `get_config` with the arguments of `{cls}.__init__`, all of them and no "
            "others",
            received=f"{config['config']!r} ({first_line(e.__cause__ or e)})",
            hint=f"def get_config(self): return {{**super().get_config(), ...}}, and let "
            f"`{cls}.__init__` take `**kwargs` for `name` and `reduction`",
        ) from e
    arguments = serialize(again)["config"]
    for name, value in config["config"].items():
        if not _is_alike(value, arguments.get(name)):
            raise error(
                ValueError,
                where,
                f"`{argument}` cannot be saved: built again from its config it is different",
                expected=f"the same {name!r}, {value!r}",
                received=repr(arguments.get(name)),
                hint="let `get_config` return the arguments as they were given",
            )


def _is_alike(value: Any, other: Any) -> bool:
    """Whether two values of configs are equal, as far as they can be compared."""
    try:
        return bool(value == other) or repr(value) == repr(other)
    except (TypeError, ValueError):  # arrays
        return repr(value) == repr(other)


def _check_config_is_whole(where: str, argument: str, obj: Any) -> None:
    """Raise unless the config of an object has all its arguments, and no lambda."""
    config, lost = config_of(obj)
    cls = type(obj).__name__
    if lost:
        raise error(
            ValueError,
            where,
            f"`{argument}` cannot be saved: the config of {cls} leaves out an argument",
            expected=f"{lost[0]!r} in `{cls}.get_config()`, or as an attribute",
            received=repr(config),
            hint="return every argument of the constructor from `get_config`",
        )
    if _holds_lambda(config):
        raise error(
            ValueError,
            where,
            f"`{argument}` cannot be saved: the config of {cls} holds a lambda",
            expected="values that a file can restore",
            received=repr(config),
            hint=f"write a function with `def` and decorate it with {DECORATOR}",
        )


def _holds_lambda(config: Any) -> bool:
    if isinstance(config, dict):
        return config.get("class_name") == "__lambda__" or any(map(_holds_lambda, config.values()))
    if isinstance(config, (list, tuple)):
        return any(map(_holds_lambda, config))
    return getattr(config, "__name__", None) == "<lambda>"
