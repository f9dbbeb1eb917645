"""Argument checks and the messages they raise.

Every message has the same four lines: where and what, what was expected, what came, and
what to do about it.
"""

from __future__ import annotations

import difflib
import math
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

E = TypeVar("E", bound=Exception)


def error(
    kind: type[E],
    where: str,
    problem: str,
    *,
    expected: object,
    received: object,
    hint: str | None = None,
) -> E:
    """An exception with the library's four-line message."""
    lines = [f"{where}: {problem}.", f"  Expected: {expected}", f"  Received: {received}"]
    if hint is not None:
        lines.append(f"  Hint: {hint}")
    return kind("\n".join(lines))


def unknown_name(
    where: str,
    problem: str,
    name: object,
    known: Iterable[object],
    *,
    hint: str | None = None,
) -> ValueError:
    """An error that lists the names there are and suggests the nearest one."""
    names = list(known)
    return error(
        ValueError,
        where,
        problem,
        expected=f"one of {names}" if names else "no names at all: nothing was given",
        received=repr(name),
        hint=suggestion(name, names) or hint,
    )


def suggestion(name: object, names: Iterable[object], *, cutoff: float = 0.6) -> str | None:
    """A hint that names the nearest of the known names, if one is near."""
    nearest = difflib.get_close_matches(str(name), [str(n) for n in names], n=1, cutoff=cutoff)
    return f"did you mean {nearest[0]!r}?" if nearest else None


def check_name(where: str, argument: str, value: object) -> None:
    """Raise unless `value` is a non-empty string."""
    if not isinstance(value, str):
        raise error(
            TypeError,
            where,
            f"`{argument}` is not a name",
            expected="a non-empty string",
            received=f"{value!r} of type {type(value).__name__}",
        )
    if not value:
        raise error(
            ValueError,
            where,
            f"`{argument}` is empty",
            expected="a non-empty string",
            received=repr(value),
        )


def check_finite_number(where: str, argument: str, value: object) -> float:
    """The value as a float; raises unless it is a finite real number."""
    if isinstance(value, bool) or not hasattr(value, "__float__") or hasattr(value, "assign"):
        raise error(
            TypeError,
            where,
            f"`{argument}` is not a number",
            expected="a finite number",
            received=f"{value!r} of type {type(value).__name__}",
        )
    number = float(value)
    if not math.isfinite(number):
        raise error(
            ValueError,
            where,
            f"`{argument}` is not finite",
            expected="a finite number",
            received=repr(number),
        )
    return number


def check_config(cls: type, config: object, allowed: Iterable[str]) -> dict[str, Any]:
    """Raise unless a config from a file is a dict of known arguments."""
    where = f"{cls.__name__}.from_config"
    if not isinstance(config, dict):
        raise error(
            TypeError,
            where,
            "the config is not a dict",
            expected="a dict of constructor arguments",
            received=f"{config!r} of type {type(config).__name__}",
        )
    names = list(allowed)
    for key in config:
        if key not in names:
            raise unknown_name(where, "the config has an unknown argument", key, names)
    return dict(config)


def check_keys(where: str, argument: str, keys: Any) -> Any:
    """The names or positions as given, a tuple as a list; raises unless all are fit."""
    if keys is None:
        return None
    if isinstance(keys, (list, tuple)):
        if not keys:
            raise error(
                ValueError,
                where,
                f"`{argument}` is empty",
                expected="at least one name",
                received=repr(keys),
            )
        return [check_key(where, argument, key) for key in keys]
    return check_key(where, argument, keys)


def check_key(where: str, argument: str, key: Any) -> Any:
    """A name or a position; raises unless it is one."""
    if isinstance(key, int) and not isinstance(key, bool) and key >= 0:
        return key
    if isinstance(key, int):
        raise error(
            ValueError,
            where,
            f"`{argument}` is not a position",
            expected="a name, or a position from 0 up",
            received=repr(key),
        )
    check_name(where, argument, key)
    return str(key)


def check_mask(where: str, mask: Any) -> Any:
    """The mask as given; raises unless it marks missing labels."""
    if mask is None or mask == "nan":
        return mask
    if isinstance(mask, str) or isinstance(mask, bool):
        raise error(
            TypeError,
            where,
            "`mask` marks no missing label",
            expected="'nan', a number such as -1, or None",
            received=repr(mask),
        )
    return "nan" if mask != mask else check_finite_number(where, "mask", mask)  # noqa: PLR0124


def check_class_weight(where: str, class_weight: Any) -> dict[int, float] | None:
    """Class weights with integer keys and float values; raises unless they are."""
    if class_weight is None:
        return None
    if not isinstance(class_weight, dict) or not class_weight:
        raise error(
            TypeError,
            where,
            "`class_weight` is not a dict of weights",
            expected="a dict from class numbers to weights, {0: 1.0, 1: 5.0}",
            received=repr(class_weight),
        )
    for number in class_weight:
        if isinstance(number, bool) or not hasattr(number, "__index__") or number < 0:
            raise error(
                ValueError,
                where,
                "a key of `class_weight` is not a class number",
                expected="integers from 0 up",
                received=repr(number),
            )
    return {
        int(number): check_finite_number(where, f"class_weight[{number}]", weight)
        for number, weight in class_weight.items()
    }
