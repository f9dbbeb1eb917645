"""Imports go one way, each name means one thing, and one package knows Keras from inside."""

import ast
import collections
import re
from pathlib import Path

import pytest

import keras_multiloss

PACKAGE = Path(keras_multiloss.__file__).parent

#: Each may import those before it, and nothing else of this library.
LEVELS = [
    {"_messages"},
    {"_checks", "_container_checks", "_optional_packages"},
    {"_platform"},
    {"_saving", "_training_rates", "_late_imports"},
    {"evaluation"},
    {"weighting", "aggregation"},
    {"spec"},
    {"losses"},
    {"engine"},
    {"layers"},
    {"models"},
    {"data", "callbacks"},
]

#: A term makes sums, which are made of terms: the import waits until then.
CIRCLE = ("spec/_algebra.py", "keras_multiloss.spec._weighted_sum_loss")

#: Names of functions and classes that stand in several modules and mean one thing.
SHARED_NAMES = {"get"}

MODULES = sorted(PACKAGE.rglob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in MODULES}

every_module = pytest.mark.parametrize(
    "path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE))
)


def part_of(path):
    """The top-level module or subpackage that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def level(part):
    return next(i for i, parts in enumerate(LEVELS) if part in parts)


def imported(node):
    """The modules that an import statement names."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    names = [f"{node.module}.{alias.name}" for alias in node.names]
    return names if node.module == "keras_multiloss" else [node.module]


def is_type_checking(node):
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def imports(path, *, at_run_time=False):
    """Every module that a file imports; `at_run_time` leaves out what only type checkers see."""
    skipped = set()
    for node in ast.walk(TREES[path]):
        if at_run_time and is_type_checking(node):
            skipped.update(id(x) for x in ast.walk(node))
        if isinstance(node, (ast.Import, ast.ImportFrom)) and id(node) not in skipped:
            yield from imported(node)


def ours(path, **options):
    return [m for m in imports(path, **options) if m.startswith("keras_multiloss.")]


@every_module
def test_a_package_imports_only_what_is_below_it(path):
    if path == PACKAGE / "__init__.py":
        return
    own = part_of(path)
    others = {m.split(".")[1] for m in ours(path)} - {own}
    assert {other for other in others if level(other) >= level(own)} == set()


def test_there_is_no_circle_of_imports_but_that_of_terms_and_sums():
    edges = collections.defaultdict(set)
    for path in MODULES:
        name = str(path.relative_to(PACKAGE))
        for module in ours(path, at_run_time=True):
            if (name, module) != CIRCLE:
                edges["keras_multiloss." + name.removesuffix(".py").replace("/", ".")].add(module)
    done, active = set(), []

    def visit(module):
        assert module not in active, [*active, module]
        if module in done:
            return
        active.append(module)
        for other in edges[module]:
            visit(other)
        active.pop()
        done.add(module)

    for module in list(edges):
        visit(module)


def test_the_circle_of_terms_and_sums_is_one_late_import():
    path, module = PACKAGE / CIRCLE[0], CIRCLE[1]
    at_import = [m for node in TREES[path].body for m in _direct(node)]
    assert module in imports(path)
    assert module not in at_import


def _direct(node):
    return imported(node) if isinstance(node, (ast.Import, ast.ImportFrom)) else []


@every_module
def test_packages_with_an_inside_are_imported_as_wholes(path):
    """What `_platform` and its like do not export is no one else's business."""
    closed = {"_platform", "_saving", "evaluation", "spec", "engine"}
    reached = {m for m in ours(path) if m.count(".") > 1 and m.split(".")[1] in closed}
    assert {m for m in reached if m.split(".")[1] != part_of(path)} == set()


@every_module
def test_only_one_package_imports_keras_and_the_frameworks(path):
    if part_of(path) == "_platform":
        return
    foreign = {module.split(".")[0] for module in imports(path)}
    assert not foreign & {"keras", "tf_keras", "jax", "torch", "tensorflow_addons"}
    assert "importlib" not in foreign or path.name in {"_optional_packages.py", "_late_imports.py"}
    if "tensorflow" in foreign:  # `tf.data` cannot be made without it
        assert path.parent.name == "data"
        at_import = [m for node in TREES[path].body for m in _direct(node)]
        assert "tensorflow" not in at_import


PRIVATE_OF_KERAS = (
    r"keras\.src|\._keras_mask|\._layers\b|\._run_through_graph|\._nodes_by_depth|\._fn_kwargs"
    r"|\._tracker\b|\._compile_loss\b|\._compile_metrics\b|\._losses_override|jaxpr"
    r"|compute_loss_and_updates"
)


@every_module
def test_private_parts_of_keras_stand_in_one_package(path):
    if part_of(path) == "_platform":
        return
    code = "\n".join(ast.unparse(node) for node in _without_docstrings(TREES[path]))
    assert re.findall(PRIVATE_OF_KERAS, code) == []


def _without_docstrings(tree):
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            first = body[0].value
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                first.value = ""
    return tree.body


@every_module
def test_private_attributes_are_not_reached_by_their_names_as_strings(path):
    """But those of `self`, which on torch are not found behind a class attribute."""
    for node in ast.walk(TREES[path]):
        is_getattr = isinstance(node, ast.Call) and ast.unparse(node.func) in {"getattr", "hasattr"}
        if is_getattr and part_of(path) != "_platform":
            owner, name = ast.unparse(node.args[0]), ast.unparse(node.args[1])
            is_private = re.match(r"'_[a-z]", name) is not None
            assert owner == "self" or not is_private, ast.unparse(node)


@every_module
def test_a_module_is_at_most_300_lines_long(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def test_no_module_name_stands_twice():
    names = collections.Counter(path.name for path in MODULES if path.name != "__init__.py")
    assert [name for name, n in names.items() if n > 1] == []


def test_no_function_name_means_two_things():
    places = collections.defaultdict(list)
    for path in MODULES:
        for node in TREES[path].body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name != "__getattr__":
                places[node.name.lstrip("_").lower()].append(f"{path.name}: {node.name}")
    twice = {k: v for k, v in places.items() if len(v) > 1 and k not in SHARED_NAMES}
    assert twice == {}


def test_the_api_fits_one_screen():
    lines = (PACKAGE / "__init__.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 60
    assert len(keras_multiloss.__all__) < 25
