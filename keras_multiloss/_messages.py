"""The four-line message that every error of the library has."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, TypeVar

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


def described(value: object) -> str:
    """A value and its type, for the line `Received`."""
    return f"{value!r} of type {type(value).__name__}"
