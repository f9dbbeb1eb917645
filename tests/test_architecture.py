"""Imports go one way, and one file knows Keras."""

import ast
from pathlib import Path

import pytest

import keras_multiloss

PACKAGE = Path(keras_multiloss.__file__).parent

#: Each may import those before it and those of its own level.
LEVELS = [
    {"_keras", "_tensorflow_ops", "_backends", "_gradients", "_checks", "_names"},
    {"_serialization", "_shapes", "_kinds"},
    {"_saveable", "_schedules", "_values"},
    {"_evaluation", "_terms", "aggregation", "losses", "weighting"},
    {"layers"},
    {"models"},
    {"data", "callbacks"},
]


def modules():
    return sorted(PACKAGE.rglob("*.py"))


def part_of(path):
    """The top-level module or subpackage that a file belongs to."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def level(part):
    return next(i for i, parts in enumerate(LEVELS) if part in parts)


def imports(path):
    """Every module that a file imports, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from names if node.module == "keras_multiloss" else [node.module]


def is_upward(node_module, path):
    part = node_module.split(".")[1]
    return level(part) > level(part_of(path))


#: A term makes sums, which are made of terms; the import waits until then.
EXCEPTIONS = {("_terms.py", "keras_multiloss.losses._weighted_sum")}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_is_below_it(path):
    if path == PACKAGE / "__init__.py":
        return
    ours = [m for m in imports(path) if m.startswith("keras_multiloss.")]
    upward = {(path.name, m) for m in ours if is_upward(m, path)}
    assert upward <= EXCEPTIONS


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_one_file_imports_keras(path):
    foreign = {module.split(".")[0] for module in imports(path)}
    if path.name in {"_keras.py", "_tensorflow_ops.py", "_backends.py", "_gradients.py"}:
        return
    assert not foreign & {"keras", "tf_keras", "jax", "torch", "tensorflow_addons"}
    if "tensorflow" in foreign:  # `tf.data` cannot be made without it
        assert path.parent.name == "data"
        tree = ast.parse(path.read_text(encoding="utf-8"))
        at_import = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
        assert all("tensorflow" not in ast.unparse(node) for node in at_import)


def test_the_api_fits_one_screen():
    lines = (PACKAGE / "__init__.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 50
