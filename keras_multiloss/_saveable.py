"""What a term may hold: losses and schedules that a file can restore.

What cannot be restored is refused when a term is built rather than when a file is loaded.
"""

from __future__ import annotations

import inspect
from typing import Any

from keras_multiloss._checks import described, error
from keras_multiloss._keras import is_from_other_keras, keras
from keras_multiloss._serialization import (
    config_of,
    is_builtin,
    other_keras_error,
    registered_name,
)

DECORATOR = "`@keras.saving.register_keras_serializable(package='my_project')`"


def get_loss(where: str, identifier: Any, *, argument: str = "loss") -> Any:
    """The loss object or loss function that an identifier stands for.

    Args:
        where: the name of the caller, for errors.
        identifier: the loss, or its name.
        argument: what the caller calls it, for errors.

    Raises:
        ValueError: if the name is unknown, or a file could not restore the loss.
        TypeError: if it is no loss, or belongs to the other Keras.
    """
    if isinstance(identifier, str):
        return _get_by_name(where, identifier)
    if is_from_other_keras(identifier):
        raise other_keras_error(where, argument, identifier)
    if not _is_loss(identifier):
        raise error(
            TypeError,
            where,
            f"`{argument}` is not a loss",
            expected="a Keras loss object, a name, a registered function or a JointLoss",
            received=described(identifier),
            hint="call the class to make an object" if isinstance(identifier, type) else None,
        )
    check_saveable(where, argument, identifier)
    return identifier


def check_rule(where: str, argument: str, rule: Any, base: type, source: str) -> Any:
    """The rule; raises unless it is of a base class and a file could restore it.

    Args:
        where: the name of the caller, for errors.
        argument: what the caller calls it, for errors.
        rule: the object.
        base: the class of all rules of its kind.
        source: the package that has them.
    """
    if not isinstance(rule, base):
        raise error(
            TypeError,
            where,
            f"`{argument}` is no {base.__name__.lower()}",
            expected=f"an object of `{source}`, or a name",
            received=described(rule),
            hint="call the class to make an object" if isinstance(rule, type) else None,
        )
    check_saveable(where, argument, rule)
    return rule


def loss_name(loss: Any) -> str:
    """A short name of a loss object or a loss function."""
    return str(getattr(loss, "name", None) or getattr(loss, "__name__", "loss"))


def _get_by_name(where: str, name: str) -> Any:
    loss = _known_by(name)
    if loss is None or not _is_loss(loss):
        raise error(
            ValueError,
            where,
            "no loss has this name",
            expected="the name of a Keras loss ('mse', 'binary_crossentropy', ...) or of a "
            "registered one ('package>name')",
            received=repr(name),
        )
    return loss


def _known_by(name: str) -> Any:
    """The loss of Keras, or the registered loss, that has a name; `None` if there is none."""
    try:
        if ">" not in name:
            return keras.losses.get(name)
        registered = keras.saving.get_registered_object(name)
        return registered() if isinstance(registered, type) else registered
    except (ValueError, TypeError):
        return None


def _is_loss(obj: Any) -> bool:
    """Whether an object is a loss, as far as can be seen without calling it."""
    if isinstance(obj, keras.losses.Loss):
        return True
    if inspect.isfunction(obj):
        return not is_builtin(obj) or _is_loss_of_keras(obj)
    return (
        callable(obj)
        and not isinstance(obj, type)
        and not is_builtin(type(obj))
        and not isinstance(obj, (keras.layers.Layer, keras.metrics.Metric))
    )


def _is_loss_of_keras(function: Any) -> bool:
    arguments = list(inspect.signature(function).parameters)
    is_restored = _known_by(function.__name__) is function
    return is_restored and arguments[:2] == ["y_true", "y_pred"]


def check_saveable(where: str, argument: str, obj: Any) -> None:
    """Raise unless a fresh process could restore the object from a file."""
    target = obj if inspect.isfunction(obj) else type(obj)
    if not is_builtin(target):
        _check_registered(where, argument, obj, target)
    if not inspect.isfunction(obj):
        _check_config(where, argument, obj)


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
            f"`{argument}` cannot be saved: another {kind} was registered by its name",
            expected=f"{name!r} to stand for {target!r}",
            received=repr(registered),
            hint="register it with a `package` of your own",
        )


def _check_config(where: str, argument: str, obj: Any) -> None:
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
