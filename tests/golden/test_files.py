"""Files of every earlier version load in every lane that can read them, and mean the same."""

import json
from pathlib import Path

import pytest

import keras_multiloss as kml
from keras_multiloss._platform import KERAS_3, keras
from tests.golden.models import TRAINING, batch, evaluated
from tests.lanes import BACKEND, VERSION

FOLDERS = sorted(Path(__file__).parent.glob("[0-9]*/*"))

#: Of the files that another backend wrote; `make test-slow` reads all of them.
SAMPLE = {
    "aggregator_moco.keras",
    "layer_terms.keras",
    "layer_terms.h5",
    "model_terms.keras",
    "plain_masked_loss.keras",
    "weighting_famo.keras",
}

#: Other processors and backends add up in another order; the models are five steps old.
SAME = {"rel": 2e-5, "abs": 1e-6}


def is_readable(folder, made_by):
    """Whether this lane's Keras reads the files of a folder, those of plain models too.

    Keras 2 and 3 have different formats, neither reads files of a later version of itself, and
    what Keras 3 compiled on PyTorch names an optimizer that imports nowhere else.
    """
    version = tuple(int(part) for part in made_by["keras"].split(".")[:2])
    is_torch_elsewhere = folder.name == "torch" and BACKEND != "torch"
    return version[0] == VERSION[0] and version <= VERSION and not is_torch_elsewhere


def trains_on_alike(path):
    """Whether this backend wrote a file, so that even random rules go on as they would have.

    The optimizer that Keras 3 restores from `.h5` refuses to go on, for plain models too.
    """
    is_of_this_backend = path.parent.name in {BACKEND, "addons"}
    return is_of_this_backend and not (KERAS_3 and path.suffix == ".h5")


def files():
    """Each file that can be read, with what was written down when it was made."""
    for folder in FOLDERS:
        expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
        for name, logs in expected["models"].items():
            if is_readable(folder, expected["made_by"]):
                label = f"{folder.parent.name}/{folder.name}/{name}"
                is_in_ci = folder.name in {BACKEND, "addons"} or name in SAMPLE
                marks = () if is_in_ci else pytest.mark.slow
                yield pytest.param(folder / name, logs, id=label, marks=marks)


def loaded(path):
    """The model of a file; it is not compiled to a program, as it takes a few steps only."""
    model = keras.saving.load_model(path)
    model.run_eagerly = True
    if BACKEND == "torch":
        model.jit_compile = False  # which files of JAX turn on, and takes torch a minute
    return model


def data_of(model):
    """The data that the model was trained with, by the names of its inputs."""
    x, y = batch()
    names = [tensor.name for tensor in model.inputs if tensor.name != "x"]
    if not names:
        return x, y
    labels = {name: y.get(name.removesuffix("_label"), y["age"]) for name in names}
    return ({"x": x, **labels},)


def check_logs(logs, expected):
    """Raise unless logs agree; on JAX, Keras lets layers record no metrics."""
    common = logs.keys() & expected.keys()
    assert common in (logs.keys(), expected.keys())
    assert {k: logs[k] for k in common} == pytest.approx({k: expected[k] for k in common}, **SAME)


# Keras 3.7 wrote that a single input comes in a list.
@pytest.mark.filterwarnings("ignore:The structure of `inputs` doesn't match:UserWarning")
@pytest.mark.parametrize(("path", "expected"), files())
@pytest.mark.sample(14)
def test_a_file_means_what_it_meant(path, expected):
    model = loaded(path)
    data = data_of(model)
    check_logs(evaluated(model, data), expected["evaluated"])
    if trains_on_alike(path):
        model.fit(*data, epochs=1, **TRAINING)
        check_logs(evaluated(model, data), expected["after_one_more_epoch"])


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda f: f"{f.parent.name}/{f.name}")
def test_losses_of_earlier_files_keep_their_arguments(folder):
    """Configs are the library's own, and so alike for Keras 2 and 3."""
    configs = json.loads((folder / "losses.json").read_text(encoding="utf-8"))
    assert len(configs) > 20
    for config in configs.values():
        loss = kml.LossTerm.from_config(config).loss
        for name, value in config["loss"]["config"].items():
            restored = getattr(loss, name)
            assert restored == value or isinstance(value, (dict, str)), f"{loss}: {name}"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda f: f"{f.parent.name}/{f.name}")
def test_files_stay_small(folder):
    sizes = [path.stat().st_size for path in folder.iterdir()]
    assert max(sizes) < 40_000
    assert sum(path.stat().st_size for f in FOLDERS for path in f.iterdir()) < 2_000_000
