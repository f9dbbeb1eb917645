"""Outputs and labels of a term as they are written, checked."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_keys
from keras_multiloss._messages import error
from keras_multiloss._saving import is_name_of_loss
from keras_multiloss.spec._by_name import Key

Keys = Key | list[Key] | None


class _SameAsOutputs:
    """The default of `labels`, with a name that reads well in signatures."""

    def __repr__(self) -> str:
        return "<same as outputs>"


SAME_AS_OUTPUTS: Any = _SameAsOutputs()


def checked_outputs(where: str, outputs: Any) -> Any:
    """The outputs as given, a tuple as a list; raises unless they are names or positions."""
    keys = check_keys(where, "outputs", outputs)
    if keys is None:
        raise error(
            TypeError,
            where,
            "a term needs an output",
            expected="a name, a position or a list of them",
            received="None",
        )
    return keys


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
    """Names and positions as a list, empty for none."""
    if keys is None:
        return []
    return list(keys) if isinstance(keys, list) else [keys]
