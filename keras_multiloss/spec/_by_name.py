"""Structures of tensors addressed by name.

Outputs, labels and sample weights come as a tensor, a list or a (nested) dict. Here each
becomes one flat dict: `"head/box"` for a nested dict, and for a list both the position
and, where it is known, the name of the output that stands there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._messages import error

if TYPE_CHECKING:
    from collections.abc import Sequence


Key = str | int


def by_name(
    structure: Any, names: Sequence[str] | None = None, *, where: str = ""
) -> dict[Key, Any]:
    """A flat dict from names (and positions) to tensors; entries that are `None` are left out.

    Args:
        structure: a tensor, a list or tuple of tensors, a dict, or `None`; dicts and lists
            may nest.
        names: what the entries of a list are called, in its order; a tensor is a list of one.
        where: the name of the caller, for errors.
    """
    if structure is None:
        return {}
    if isinstance(structure, dict):
        return _flat(structure, where)
    entries = list(structure) if isinstance(structure, (list, tuple)) else [structure]
    named: dict[Key, Any] = dict(enumerate(entries))
    if names is not None and len(names) == len(entries) == len(set(names)):
        named.update(zip(names, entries, strict=True))
    return _flat(named, where)


def _flat(structure: dict[Any, Any], where: str, prefix: str = "") -> dict[Key, Any]:
    """A dict without dicts and lists in it; only names at the top may be positions."""
    flat: dict[Key, Any] = {}
    for key, value in structure.items():
        path = f"{prefix}{key}" if prefix or not isinstance(key, int) else key
        if isinstance(value, (list, tuple)):
            entries = _flat(dict(enumerate(value)), where, prefix=f"{path}/")
        elif isinstance(value, dict):
            entries = _flat(value, where, prefix=f"{path}/")
        else:
            entries = {} if value is None else {path: value}
        _check_distinct(where, flat, entries)
        flat.update(entries)
    return flat


def _check_distinct(where: str, flat: dict[Key, Any], entries: dict[Key, Any]) -> None:
    for name in entries:
        if name in flat:
            raise error(
                ValueError,
                where,
                "two entries of a nested dict have the same name",
                expected="different names, nested names joined by '/'",
                received=repr(name),
            )


def key_name(key: Key, kind: str) -> str:
    """A name for an output or label that may be a position."""
    return f"{kind}_{key}" if isinstance(key, int) else key


def names_of(tensors: dict[Key, Any]) -> list[Key]:
    """The names of tensors; their positions where they have no names."""
    names: list[Key] = [key for key in tensors if isinstance(key, str)]
    return names or list(tensors)
