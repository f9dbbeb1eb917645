"""Checks of arguments that are lists or dicts."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_multiloss._messages import described, error


def check_is_list(
    where: str, argument: str, value: Any, *, what: str = "a list", expected: str = "a list"
) -> list[Any]:
    """The value as a list; raises for a string, a dict, and what cannot be listed.

    Args:
        where: the name of the caller, for errors.
        argument: what the caller calls it.
        value: what it was given.
        what: what the message says that it must be.
        expected: what the message gives for an example.
    """
    if isinstance(value, (str, dict)) or not np.iterable(value):
        raise error(
            TypeError,
            where,
            f"`{argument}` must be {what}",
            expected=expected,
            received=repr(value),
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
