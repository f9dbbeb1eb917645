"""Fails the build if a public name has no docstring or is not in the reference."""

import functools
import inspect
from typing import Any, NamedTuple

from sphinx.util import logging

import keras_multiloss

logger = logging.getLogger(__name__)


class Symbol(NamedTuple):
    path: str  # as users write it
    page: str  # the path it is documented by: the shortest it has
    value: Any


@functools.cache
def public_symbols():
    """Whatever stands in the `__all__` of the package, or of a module that it exports."""
    paths = {"keras_multiloss": keras_multiloss}
    for module in _public_modules():
        paths |= {f"{module.__name__}.{name}": getattr(module, name) for name in module.__all__}
    pages = {}
    for path, value in sorted(paths.items(), key=lambda item: item[0].count(".")):
        pages.setdefault(id(value), path)
    return [Symbol(path, pages[id(value)], value) for path, value in paths.items()]


def _public_modules():
    yield keras_multiloss
    for name in keras_multiloss.__all__:
        value = getattr(keras_multiloss, name)
        if inspect.ismodule(value):
            yield value


def check_symbols(app, env):  # noqa: ARG001 (as Sphinx calls it)
    documented = env.domains.python_domain.objects
    for path, value in {symbol.page: symbol.value for symbol in public_symbols()}.items():
        if not value.__doc__:
            logger.warning("%s is public and has no docstring", path)
        if path not in documented:
            logger.warning("%s is public and not in the reference", path)


def setup(app):
    app.connect("env-check-consistency", check_symbols)
    return {"parallel_read_safe": True}
