"""Checks of the arguments that name inputs and labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._checks import check_key, check_keys, check_name
from keras_multiloss._messages import error

if TYPE_CHECKING:
    from keras_multiloss.spec import Key


def check_label_names(where: str, labels: Any, argument: str = "labels") -> list[Key] | None:
    """A list of names or positions from one or several; `None` if none are given."""
    keys = check_keys(where, argument, labels)
    if keys is None or not isinstance(keys, list):
        return None if keys is None else [keys]
    if len(set(keys)) < len(keys):
        raise error(
            ValueError,
            where,
            f"`{argument}` has a name twice",
            expected="different names",
            received=f"{keys}",
        )
    return keys


def check_input_names(where: str, inputs: Any) -> list[Key] | None:
    """A list of names from a name or a list of names; `None` if none are given."""
    names = check_label_names(where, inputs, "inputs")
    for name in names or []:
        check_name(where, "inputs", name)
    return names


def check_rename(where: str, rename: Any) -> dict[Key, str]:
    """The names of inputs by label; raises unless both sides are names."""
    if rename is None:
        return {}
    if not isinstance(rename, dict):
        raise error(
            TypeError,
            where,
            "`rename` is not a dict",
            expected="a dict from label names to names of inputs, {'age': 'input_2'}",
            received=f"{rename!r} of type {type(rename).__name__}",
        )
    for name in rename.values():
        check_name(where, "rename", name)
    return {check_key(where, "rename", label): name for label, name in rename.items()}
