"""Faithful (de)serialisation of losses, functions and schedules.

Keras leaves arguments out of the configs of some of its losses. Here every constructor
argument is kept.
"""

from __future__ import annotations

import inspect
from typing import Any, TypeVar

from keras_multiloss._messages import error
from keras_multiloss._platform import KERAS_3, constructor_extras, keras, register_addons

PACKAGE = "keras_multiloss"

C = TypeVar("C", bound=type)


def serializable(cls: C) -> C:
    """Register a class as `keras_multiloss>Name`, the name that files know it by."""
    return keras.saving.register_keras_serializable(package=PACKAGE)(cls)


def is_builtin(obj: Any) -> bool:
    """Whether Keras itself defines a class or function."""
    return str(obj.__module__).split(".")[0] in {"keras", "tf_keras"}


def is_of_keras(loss: Any) -> bool:
    """Whether a loss, an object or a function, is one of Keras's own."""
    return is_builtin(type(loss) if isinstance(loss, keras.losses.Loss) else loss)


def registered_name(target: Any) -> str:
    """The name that stands for a class or function in files."""
    return str(keras.saving.get_registered_name(target))


def other_keras_error(where: str, argument: str, value: Any) -> TypeError:
    """An error for an object of the Keras that this process does not use."""
    module = value.__module__ if inspect.isfunction(value) else type(value).__module__
    return error(
        TypeError,
        where,
        f"`{argument}` belongs to a different Keras than the one in use",
        expected=f"an object of `{keras.__name__.split('.')[0]}` {keras.__version__}",
        received=f"{value!r} of `{module.split('.')[0]}`",
        hint="import every object from one Keras; TF_USE_LEGACY_KERAS=1, set before the first "
        "import, selects tf_keras",
    )


def serialize(obj: Any) -> Any:
    """The config of a loss, function or schedule, with all its arguments.

    Functions of Keras are stored by name, everything else by its registered name. The
    format is the library's own, as that of Keras differs between `.keras` and `.h5` files
    and between versions.
    """
    if inspect.isfunction(obj):
        return obj.__name__ if is_builtin(obj) else {"registered_name": registered_name(obj)}
    return {"registered_name": registered_name(type(obj)), "config": config_of(obj)[0]}


def config_of(obj: Any) -> tuple[dict[str, Any], list[str]]:
    """The config of an object with the arguments that its `get_config` leaves out.

    The second result names the arguments that are lost. Configs of schedules have all of them.
    """
    config = dict(obj.get_config())
    lost: list[str] = []
    if not isinstance(obj, keras.losses.Loss):
        return config, lost
    if is_builtin(type(obj)):
        config.pop("fn", None)  # of Keras 2, which does not read it
    extras = constructor_extras(obj)
    for name in arguments_of(type(obj)):
        if name in config:
            continue
        if name in extras:
            config[name] = extras[name]
        elif name != "dtype" and hasattr(obj, name):
            config[name] = getattr(obj, name)
        elif name != "dtype":
            lost.append(name)
    return config, lost


def arguments_of(cls: Any) -> list[str]:
    _, *parameters = inspect.signature(cls.__init__).parameters.values()
    return [p.name for p in parameters if p.kind not in {p.VAR_KEYWORD, p.VAR_POSITIONAL}]


def deserialize(where: str, config: Any, namespace: Any) -> Any:
    """The object that a config of `serialize` stands for; anything else is left as it is.

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
    if inspect.isfunction(target):
        return target
    _check_has_all(where, target, config)
    try:
        arguments = dict(config["config"])
        if KERAS_3 and arguments.get("reduction") == "auto":
            arguments["reduction"] = "sum_over_batch_size"  # what Keras 2 means by it
        return target.from_config(arguments)
    except (TypeError, ValueError, KeyError, AttributeError) as e:
        raise error(
            ValueError,
            where,
            "a part of the file does not fit the class it names",
            expected=f"arguments of {name}",
            received=f"{config.get('config')!r} ({first_line(e)})",
        ) from e


def _check_has_all(where: str, target: Any, config: dict[str, Any]) -> None:
    """Raise for a config without its arguments; a class of ours has written all of them.

    Of Keras and of others, a file may come from a version that had fewer. A class of ours that got
    arguments after its first version names them in `ADDED_LATER`; their defaults mean what it did
    before.
    """
    if "config" not in config:
        raise error(
            ValueError,
            where,
            "the config has no 'config'",
            expected=f"the arguments of {config['registered_name']} in a dict",
            received=f"{config}",
        )
    if not target.__module__.startswith(PACKAGE) or not isinstance(config["config"], dict):
        return
    spellings = getattr(target, "OLD_SPELLINGS", {})
    known = {spellings.get(name, name) for name in config["config"]}
    known.update(getattr(target, "ADDED_LATER", ()))
    for name in arguments_of(target):
        if name not in known:
            raise error(
                ValueError,
                where,
                f"the config of {target.__name__} has no {name!r}",
                expected=f"all of {arguments_of(target)}",
                received=f"{list(config['config'])}",
            )


def _find(name: Any, namespace: Any) -> Any:
    if not isinstance(name, str):
        return None
    if name.startswith("Addons>"):
        register_addons()
    if ">" in name:
        return keras.saving.get_registered_object(name)
    known = getattr(namespace, name, None)
    return known if isinstance(known, type) else None


def first_line(e: BaseException) -> str:
    """The first line of a message; the type of an error without one."""
    return str(e).strip().splitlines()[0] if str(e).strip() else type(e).__name__
