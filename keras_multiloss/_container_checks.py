"""Checks of arguments that are lists or dicts."""

from __future__ import annotations

from typing import Any

from keras_multiloss._messages import described, error


def check_is_list(where: str, argument: str, value: Any) -> list[Any]:
    """The value as a list; raises for a string and for what cannot be listed."""
    if isinstance(value, (str, dict)) or not hasattr(value, "__iter__"):
        raise error(
            TypeError,
            where,
            f"`{argument}` must be a list",
            expected="a list",
            received=described(value),
        )
    return list(value)


def check_is_dict(where: str, argument: str, value: Any) -> dict[Any, Any]:
    """The value as a dict, empty for `None`; raises for anything but a dict."""
    if value is not None and not isinstance(value, dict):
        raise error(
            TypeError,
            where,
            f"`{argument}` must be a dict",
            expected="a dict by name",
            received=described(value),
        )
    return dict(value or {})
