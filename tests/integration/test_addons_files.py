"""Models that TensorFlow Addons saved load here with the losses of this library.

`save_with_addons.py` made the files; the addons lane holds them to what the package does.
"""

import json
import subprocess
import sys

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import HAS_ADDONS, keras
from tests.integration.save_with_addons import ALL, EXPECTED, X, compiled, evaluated
from tests.lanes import BACKEND, needs_addons

needs_no_addons = pytest.mark.skipif(
    HAS_ADDONS, reason="where the package is installed, its names stay its own"
)
every_file = pytest.mark.parametrize("saved", ALL, ids=lambda saved: saved.loss)

CLASSES = [saved for saved in ALL if not saved.is_function]
#: The package saves this function by its bare name, which it cannot load by itself either.
BARE = "sigmoid_focal_crossentropy"
BY_NAME = [saved for saved in ALL if saved.loss != BARE]

#: Keras trains on one value a sample, `reduction="none"`, with TensorFlow only.
TRAINABLE = [s for s in ALL if BACKEND == "tensorflow" or s.loss != "SigmoidFocalCrossEntropy"]

#: Float32 keeps 6e-8 of each of some tens of numbers near 1 that are added up.
SAME = {"rel": 1e-6, "abs": 1e-7}


def expected(saved):
    return json.loads(EXPECTED.read_text(encoding="utf-8"))[saved.loss]


def loaded(saved):
    own = {BARE: kml.losses.sigmoid_focal_crossentropy} if saved.loss == BARE else None
    return keras.saving.load_model(saved.path, custom_objects=own)


@needs_no_addons
@pytest.mark.parametrize("saved", BY_NAME, ids=lambda saved: saved.loss)
@pytest.mark.sample(2)
def test_a_fresh_process_evaluates_to_what_the_package_did(saved, fresh_process):
    logs = fresh_process.evaluate(saved.path, X, saved.label)
    assert logs["loss"] == pytest.approx(expected(saved), **SAME)


@needs_no_addons
@every_file
def test_the_loss_is_the_one_of_this_library_with_its_arguments(saved):
    loss = loaded(saved).loss
    ours = getattr(kml.losses, saved.loss)
    if saved.is_function:
        assert loss is ours
    else:
        assert type(loss) is ours
        assert loss.get_config().items() >= saved.arguments.items()


@needs_no_addons
@pytest.mark.parametrize("saved", TRAINABLE, ids=lambda saved: saved.loss)
@pytest.mark.sample(2)
def test_the_model_goes_on_training(saved):
    model = loaded(saved)
    before = model.get_weights()
    # Keras 3 builds the optimizer of any .h5 file for no variables: it takes a new one.
    model.compile("sgd", loss=model.loss)
    first = model.train_on_batch(X, saved.label)
    assert first == pytest.approx(expected(saved), **SAME)
    assert any(np.any(a != b) for a, b in zip(before, model.get_weights(), strict=True))
    assert np.isfinite(model.evaluate(X, saved.label, verbose=0))


@needs_no_addons
@every_file
@pytest.mark.sample(2)
def test_saved_again_it_has_the_names_of_this_library(saved, model_path, fresh_process):
    model = loaded(saved)
    model.save(model_path)
    logs = fresh_process.evaluate(model_path, X, saved.label)
    assert logs["loss"] == pytest.approx(expected(saved), **SAME)


@needs_no_addons
@pytest.mark.parametrize("saved", CLASSES, ids=lambda saved: saved.loss)
def test_a_name_of_the_package_stands_for_the_class_here(saved):
    ours = getattr(kml.losses, saved.loss)
    assert keras.saving.get_registered_object(f"Addons>{saved.loss}") is ours
    assert keras.saving.get_registered_name(ours) == f"keras_multiloss>{saved.loss}"


@needs_addons
@every_file
def test_the_package_still_evaluates_to_what_is_expected(saved):
    assert evaluated(compiled(saved), saved) == pytest.approx(expected(saved), **SAME)


@needs_addons
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning")
@every_file
def test_the_package_still_saves_what_is_in_the_file(saved, tmp_path):
    compiled(saved).save(tmp_path / "model.h5")
    committed, fresh = content(saved.path), content(tmp_path / "model.h5")
    assert committed.keys() == fresh.keys()
    for name, part in committed.items():
        np.testing.assert_array_equal(part, fresh[name])


def content(path):
    """The configs and the weights in a file."""
    import h5py

    found = {}
    with h5py.File(path) as file:
        for name in ("model_config", "training_config"):
            found[name] = json.dumps(json.loads(file.attrs[name]), sort_keys=True)
        file["model_weights"].visititems(
            lambda name, part: found.update({name: part[()]} if hasattr(part, "dtype") else {})
        )
    return found


IMPORTS = ["keras_multiloss", "tensorflow_addons"]


@needs_addons
@pytest.mark.parametrize("order", [IMPORTS, IMPORTS[::-1]], ids=["library first", "package first"])
def test_where_the_package_is_installed_its_names_are_its_own(order):
    script = [f"import {name}" for name in order]
    script.append("from tensorflow.keras.utils import get_registered_object as get")
    script += [
        f"assert get('Addons>{saved.loss}') is tensorflow_addons.losses.{saved.loss}\n"
        f"assert get('keras_multiloss>{saved.loss}') is keras_multiloss.losses.{saved.loss}"
        for saved in CLASSES
    ]
    subprocess.run([sys.executable, "-c", "\n".join(script)], check=True, capture_output=True)
