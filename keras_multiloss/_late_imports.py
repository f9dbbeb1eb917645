"""Public names that are imported when they are used, and registered when Keras looks for them."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from keras_multiloss._platform import before_first_look

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Where public names are looked for: each of these packages imports those before it anyway.
HOMES = ("spec", "losses", "layers", "models")

#: These, and what they import, hold everything that a file may name.
REGISTERED = ("aggregation", "layers", "losses", "models", "weighting")


def late_names(
    package: str, names: Sequence[str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The `__getattr__` and the `__dir__` of a package that imports its names when they are used.

    Everything is registered before Keras first looks for a registered object, so that a file
    loads after nothing but `import keras_multiloss`.

    Args:
        package: the name of this library.
        names: its public names.
    """
    module = importlib.import_module(package)

    def imported(name: str) -> Any:
        if name not in names:
            text = f"module {package!r} has no attribute {name!r}"
            raise AttributeError(text, name=name, obj=module)
        for home in HOMES:
            found = importlib.import_module(f"{package}.{home}")
            if name in found.__all__:
                setattr(module, name, getattr(found, name))
                return getattr(found, name)
        return importlib.import_module(f"{package}.{name}")

    def listed() -> list[str]:
        return sorted({*vars(module), *names})

    before_first_look(lambda: _import_all(package))
    return imported, listed


def _import_all(package: str) -> None:
    for name in REGISTERED:
        importlib.import_module(f"{package}.{name}")
