"""Runs the examples of all docstrings; a failure is a warning, and so fails the build."""

import doctest
import importlib
import pkgutil

from sphinx.util import logging

import keras_multiloss

logger = logging.getLogger(__name__)


def run_examples(app):  # noqa: ARG001 (as Sphinx calls it)
    for module in pkgutil.walk_packages(keras_multiloss.__path__, "keras_multiloss."):
        results = doctest.testmod(importlib.import_module(module.name))
        if results.failed:
            logger.warning("%s: %s examples fail", module.name, results.failed)


def setup(app):
    app.connect("builder-inited", run_examples)
    return {"parallel_read_safe": True}
