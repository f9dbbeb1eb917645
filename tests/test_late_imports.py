"""Importing the library imports little, and hides nothing."""

import ast
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

import keras_multiloss as kml
from tests.golden.test_registered_names import NAMES

#: Each look is in a process of its own: the first one imports everything.
PROGRAM = """
import json, pickle, sys
import keras_multiloss as kml
from keras_multiloss._platform import keras

def imported():
    names = (name.split(".") for name in sys.modules if name.startswith("keras_multiloss."))
    return sorted({parts[1] for parts in names})

found = {"at first": imported(), "dir": dir(kml)}
{look}
print(json.dumps(found))
"""

BY_NAME = """
kml.LossTerm
found["of a term"] = imported()
names = {names}
found["missing"] = [n for n in names if keras.saving.get_registered_object(n) is None]
found["losses"] = dir(kml.losses)
"""

AS_KERAS_RESTORES = """
found["missing"] = []
config = {"class_name": "GIoULoss", "config": {}, "registered_name": "keras_multiloss>GIoULoss"}
found["loss"] = type(keras.losses.deserialize(config)).__name__
"""

FROM_A_PICKLE = """
loss = pickle.loads({pickled})
found["loss"] = type(loss.terms[0].loss).__name__
found["missing"] = [n for n in {names} if n not in keras.saving.get_custom_objects()]
"""

WITH_A_STAR = """
from keras_multiloss import *
found["missing"] = [name for name in kml.__all__ if name not in globals()]
"""


def run(look, **values):
    """What a fresh process finds."""
    for name, value in values.items():
        look = look.replace("{" + name + "}", repr(value))
    program = PROGRAM.replace("{look}", look)
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd="/"
    )
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout.splitlines()[-1])


def registered_names():
    names = NAMES.read_text(encoding="utf-8").split()
    return [name for name in names if name.startswith("keras_multiloss>")]


@pytest.fixture(scope="module")
def by_name():
    return run(BY_NAME, names=registered_names())


def test_importing_the_library_imports_no_catalogue(by_name):
    assert by_name["at first"] == ["_late_imports", "_platform"]


def test_a_term_imports_no_losses_and_no_models(by_name):
    assert "spec" in by_name["of a term"]
    assert not {"losses", "models", "layers", "data", "callbacks"} & set(by_name["of a term"])


def test_all_public_names_are_listed_before_they_are_imported(by_name):
    assert set(kml.__all__) <= set(by_name["dir"])
    assert set(kml.losses.__all__) <= set(by_name["losses"])
    assert set(kml.__all__) <= set(dir(kml))


def test_every_registered_name_is_found_by_its_name(by_name):
    assert by_name["missing"] == []


@pytest.mark.parametrize(
    ("look", "loss"),
    [(AS_KERAS_RESTORES, "GIoULoss"), (FROM_A_PICKLE, "Huber"), (WITH_A_STAR, None)],
)
def test_nothing_has_to_be_imported_first(look, loss):
    import pickle

    from keras_multiloss._platform import keras

    pickled = pickle.dumps(kml.WeightedSumLoss([kml.LossTerm(keras.losses.Huber(0.3), "a")]))
    found = run(look, pickled=pickled, names=registered_names())
    assert found["missing"] == []
    assert found.get("loss") == loss


def shown_to_type_checkers():
    """Each name that the package imports for type checkers, and the module it comes from."""
    tree = ast.parse(Path(kml.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if ast.unparse(node).startswith("if TYPE_CHECKING"))
    return {alias.name: node.module for node in block.body for alias in node.names}


def test_a_type_checker_sees_every_public_name():
    assert set(shown_to_type_checkers()) == set(kml.__all__)


@pytest.mark.parametrize(("name", "home"), shown_to_type_checkers().items())
def test_a_name_is_what_a_type_checker_takes_it_for(name, home):
    is_package = home == "keras_multiloss"
    module = importlib.import_module(f"{home}.{name}" if is_package else home)
    assert getattr(kml, name) is (module if is_package else getattr(module, name))


def test_a_misspelt_name_is_an_error_of_python():
    with pytest.raises(AttributeError) as caught:
        _ = kml.LossTerms
    assert str(caught.value) == "module 'keras_multiloss' has no attribute 'LossTerms'"
    assert caught.value.name == "LossTerms"  # from which Python suggests others
    assert caught.value.obj is kml
    assert not hasattr(kml, "__wrapped__")
