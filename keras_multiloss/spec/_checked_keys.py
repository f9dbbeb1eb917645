"""Outputs and labels of a term as they are written, checked."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_keys
from keras_multiloss._messages import error
from keras_multiloss._saving import is_name_of_loss
from keras_multiloss.spec._by_name import Key
from keras_multiloss.spec._tensor_sources import SOURCES, FromInput, FromOutput

#: What one tensor of a term is named by.
KeyOrSource = Key | FromInput | FromOutput
Keys = KeyOrSource | list[KeyOrSource] | None


class _SameAsOutputs:
    """The default of `labels`, with a name that reads well in signatures."""

    def __repr__(self) -> str:
        return "<same as outputs>"


SAME_AS_OUTPUTS: Any = _SameAsOutputs()


def checked_outputs(where: str, outputs: Any) -> Any:
    """The outputs as given, a tuple as a list; raises unless one of them is an output."""
    keys = check_keys(where, "outputs", outputs, or_of=SOURCES)
    if not keys_in(keys):
        raise error(
            TypeError,
            where,
            "a term needs an output",
            expected="a name, a position or a list of them",
            received=repr(outputs),
        )
    return keys


def default_labels(outputs: Any) -> Any:
    """The labels of a term that names none: those with the names of its outputs."""
    return keys_in(outputs) if isinstance(outputs, list) else outputs


def check_not_swapped(where: str, loss: Any, outputs: Any) -> None:
    """Raise if the loss stands where the output should, and the reverse."""
    if isinstance(outputs, str) and is_name_of_loss(outputs) and not is_name_of_loss(loss):
        raise error(
            ValueError,
            where,
            "the loss and the output seem to be swapped",
            expected="the loss first, then the output",
            received=f"LossTerm({loss!r}, {outputs!r})",
            hint=f"LossTerm({outputs!r}, {loss!r})",
        )


def keys_in(keys: Keys) -> list[Key]:
    """Names and positions as a list, empty for none; without what comes from elsewhere."""
    return [key for key in listed(keys) if not isinstance(key, SOURCES)]


def sources_in(*sides: Keys, kind: Any) -> list[Key]:
    """The names of the inputs or of the outputs that outputs and labels come from.

    Args:
        *sides: outputs and labels.
        kind: `FromInput` or `FromOutput`.
    """
    return [key.name for keys in sides for key in listed(keys) if isinstance(key, kind)]


def listed(keys: Keys) -> list[Any]:
    """Names, positions and sources as a list, empty for none."""
    if keys is None:
        return []
    return list(keys) if isinstance(keys, list) else [keys]
