"""Packages that only some of the callbacks need."""

from __future__ import annotations

import importlib.util

from keras_multiloss._messages import error

#: The extra of this package that installs each of them.
EXTRAS = {"matplotlib": "viz", "pandas": "report", "tensorflow": "tensorflow"}


def check_installed(where: str, problem: str, *packages: str) -> None:
    """Raise unless all packages are installed.

    Args:
        where: who needs them.
        problem: what they are needed for.
        *packages: keys of `EXTRAS`.
    """
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if missing:
        extras = ",".join(EXTRAS[package] for package in missing)
        raise error(
            ImportError,
            where,
            problem,
            expected=" and ".join(packages),
            received=f"no {' and no '.join(missing)} installed",
            hint=f"pip install 'keras-multiloss[{extras}]'",
        )
