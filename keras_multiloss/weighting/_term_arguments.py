"""Arguments that name terms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keras_multiloss._messages import unknown_name

if TYPE_CHECKING:
    from collections.abc import Iterable


def check_terms_exist(
    where: str, argument: str, given: Iterable[str], names: Iterable[str]
) -> None:
    """Raise unless every given name is that of a term."""
    known = list(names)
    for name in given:
        if name not in known:
            raise unknown_name(where, f"`{argument}` names a term that is missing", name, known)
