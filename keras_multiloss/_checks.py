"""Argument checks and the messages they raise.

Every message has the same four lines: where and what, what was expected, what came, and
what to do about it.
"""

from __future__ import annotations

import math
import numbers
import random
from typing import TYPE_CHECKING, Any

from keras_multiloss._messages import described, error, suggestion, unknown_name

if TYPE_CHECKING:
    from collections.abc import Iterable


def check_name(where: str, argument: str, value: object) -> None:
    """Raise unless `value` is a non-empty string."""
    if not isinstance(value, str):
        raise error(
            TypeError,
            where,
            f"`{argument}` must be a name",
            expected="a non-empty string",
            received=described(value),
        )
    if not value:
        raise error(
            ValueError,
            where,
            f"`{argument}` must not be empty",
            expected="a non-empty string",
            received=repr(value),
        )


def check_optional_name(where: str, argument: str, value: Any) -> str | None:
    """The value; raises unless it is `None` or a non-empty string."""
    if value is not None:
        check_name(where, argument, value)
    return value


def respelled(where: str, given: dict[str, Any], spellings: dict[str, str]) -> dict[str, Any]:
    """Arguments that were given by the names of earlier versions, by their names of today.

    Args:
        where: the name of the caller, for errors.
        given: the arguments that the caller does not know by name.
        spellings: from old names to those of today.
    """
    for name, value in given.items():
        if name not in spellings:
            raise error(
                TypeError,
                where,
                f"there is no argument {name!r}",
                expected="an argument of the signature",
                received=f"{name}={value!r}",
                hint=suggestion(name, [*spellings.values(), *spellings]),
            )
    return {spellings[name]: value for name, value in given.items()}


def check_bool(where: str, argument: str, value: object) -> bool:
    """The value; raises unless it is `True` or `False`."""
    if not isinstance(value, bool):
        raise error(
            TypeError,
            where,
            f"`{argument}` must be True or False",
            expected="True or False",
            received=described(value),
        )
    return value


def check_finite_number(
    where: str, argument: str, value: object, *, hint: str | None = None
) -> float:
    """The value as a float; raises unless it is a finite real number.

    Truth values, strings, variables and tensors do not pass for numbers, as a file would not
    say what they were.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise error(
            TypeError,
            where,
            f"`{argument}` must be a number",
            expected="a finite number",
            received=described(value),
            hint=hint,
        )
    if not math.isfinite(value):
        raise error(
            ValueError,
            where,
            f"`{argument}` must be finite",
            expected="a finite number",
            received=repr(float(value)),
        )
    return float(value)


def check_positive(where: str, argument: str, value: object) -> float:
    """The value as a float; raises unless it is a finite number above zero."""
    number = check_finite_number(where, argument, value)
    if number <= 0:
        raise error(
            ValueError,
            where,
            f"`{argument}` must be above 0",
            expected="a number above 0",
            received=repr(number),
        )
    return number


def check_not_negative(where: str, argument: str, value: object) -> float:
    """The value as a float; raises unless it is a finite number, 0 or more."""
    number = check_finite_number(where, argument, value)
    if number < 0:
        raise error(
            ValueError,
            where,
            f"`{argument}` must be 0 or more",
            expected="a number of at least 0",
            received=repr(number),
        )
    return number


def check_count(where: str, argument: str, value: object, *, least: int = 1) -> int:
    """The value as an int; raises unless it is an integer of at least `least`."""
    is_integer = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if is_integer and int(value) >= least:  # type: ignore[call-overload]
        return int(value)  # type: ignore[call-overload]
    raise error(
        ValueError if is_integer else TypeError,
        where,
        f"`{argument}` must be an integer of at least {least}",
        expected=f"{least}, {least + 1}, {least + 2}, ...",
        received=described(value),
    )


def check_between(where: str, argument: str, value: object, low: float, high: float) -> float:
    """The value as a float; raises unless it lies between two bounds, or on one."""
    number = check_finite_number(where, argument, value)
    if not low <= number <= high:
        raise error(
            ValueError,
            where,
            f"`{argument}` is out of range",
            expected=f"a number from {low:g} to {high:g}",
            received=repr(number),
        )
    return number


def check_choice(where: str, argument: str, value: object, choices: Iterable[str]) -> None:
    """Raise unless `value` is one of the choices."""
    names = list(choices)
    if value not in names:
        raise unknown_name(where, f"`{argument}` is not one of its choices", value, names)


def check_seed(where: str, seed: Any) -> int:
    """The seed; for `None`, a number drawn by Python's `random`, which Keras seeds."""
    if seed is None:
        return random.randrange(2**31)  # noqa: S311 (no secret)
    if isinstance(seed, bool) or not isinstance(seed, numbers.Integral):
        raise error(
            TypeError, where, "`seed` must be an integer", expected="an int", received=repr(seed)
        )
    if not 0 <= int(seed) < 2**31:
        raise error(
            ValueError,
            where,
            "`seed` is out of range",
            expected="an integer from 0 to 2**31 - 1",
            received=repr(seed),
        )
    return int(seed)


def check_config(
    cls: type, config: object, allowed: Iterable[str], required: Iterable[str] = ()
) -> dict[str, Any]:
    """A copy of a config from a file; raises unless it is a dict of known arguments."""
    where = f"{cls.__name__}.from_config"
    if not isinstance(config, dict):
        raise error(
            TypeError,
            where,
            "the config is not a dict",
            expected="a dict of constructor arguments",
            received=described(config),
        )
    names = list(allowed)
    for key in config:
        if key not in names:
            raise unknown_name(where, "the config has an unknown argument", key, names)
    for name in required:
        if name not in config:
            raise error(
                ValueError,
                where,
                f"the config has no {name!r}",
                expected=f"all of {list(required)}",
                received=f"{list(config)}",
            )
    return dict(config)


def check_keys(where: str, argument: str, keys: Any, *, or_of: tuple[type, ...] = ()) -> Any:
    """The names or positions as given, a tuple as a list; raises unless all are valid.

    Objects of the types `or_of` are valid, too.
    """
    if isinstance(keys, (list, tuple)) and not keys:
        raise error(
            ValueError,
            where,
            f"`{argument}` must not be empty",
            expected="at least one name",
            received=repr(keys),
        )
    given = keys if isinstance(keys, (list, tuple)) else [] if keys is None else [keys]
    valid = [k if isinstance(k, or_of) else check_key(where, argument, k) for k in given]
    return valid if isinstance(keys, (list, tuple)) else next(iter(valid), None)


def check_key(where: str, argument: str, key: Any) -> Any:
    """A name or a position; raises for anything else."""
    if isinstance(key, numbers.Integral) and not isinstance(key, bool) and int(key) >= 0:
        return int(key)
    if isinstance(key, numbers.Real):
        raise error(
            ValueError,
            where,
            f"`{argument}` must be a name or a position",
            expected="a name, or a position such as 0",
            received=repr(key),
        )
    check_name(where, argument, key)
    return str(key)


def check_mask(where: str, argument: str, mask: Any, *, may_be_none: bool = True) -> Any:
    """What marks missing labels, as given; raises for anything that cannot mark them."""
    if mask is None and may_be_none:
        return None
    if isinstance(mask, str) and mask == "nan":
        return mask
    if isinstance(mask, numbers.Real) and not isinstance(mask, bool):
        return "nan" if math.isnan(mask) else check_finite_number(where, argument, mask)
    raise error(
        ValueError if isinstance(mask, str) else TypeError,
        where,
        f"`{argument}` cannot mark missing labels",
        expected="'nan', a number such as -1, or None"
        if may_be_none
        else "'nan', or a number such as -1",
        received=repr(mask),
    )


def check_class_weight(where: str, class_weight: Any) -> dict[int, float] | None:
    """Class weights with integer keys and float values; raises for anything else."""
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
        is_class = isinstance(number, numbers.Integral) and not isinstance(number, bool)
        if not is_class or number < 0:
            raise error(
                ValueError,
                where,
                "a key of `class_weight` is not a class number",
                expected="integers such as 0 and 1",
                received=repr(number),
            )
    return {
        int(number): check_finite_number(where, f"class_weight[{number}]", weight)
        for number, weight in class_weight.items()
    }
