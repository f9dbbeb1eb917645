"""Writes the files of this version and lane: `python -m tests.golden.make_files FOLDER`.

They are made once for a version, before it is released, and never again: the point of them is
that later code reads what earlier code wrote. Beside them stands what they evaluate to, at once
and after one more epoch, which tells whether state was restored.
"""

import json
import sys
import tempfile
import warnings
import zipfile
from pathlib import Path

from keras_multiloss._platform import backend, keras
from tests.golden.models import MODELS, TRAINING, evaluated
from tests.losses.cases import CASES


def make_all(folder):
    """All models as files, and what they evaluate to as `expected.json`."""
    folder.mkdir(parents=True)
    expected = {name: make(folder / name, build) for name, build in MODELS.items()}
    made_by = {"keras": keras.__version__, "backend": backend()}
    write_json(folder / "expected.json", {"made_by": made_by, "models": expected})
    terms = {case.name: case.term(weight=0.5).get_config() for case in CASES}
    write_json(folder / "losses.json", terms)


def make(path, build):
    """One trained model as a file; returns what it evaluates to, and after one more epoch."""
    keras.utils.set_random_seed(7)
    model, data = build()
    model.fit(*data, epochs=2, **TRAINING)
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Keras calls .h5 legacy
        saved = Path(scratch, path.name)
        model.save(saved)
        pack(saved, path)
    logs = evaluated(model, data)
    model.fit(*data, epochs=1, **TRAINING)
    return {"evaluated": logs, "after_one_more_epoch": evaluated(model, data)}


def pack(saved, path):
    """The same file, its archive deflated, as Keras stores the many zeros of HDF5 as they are."""
    if path.suffix == ".h5":
        path.write_bytes(saved.read_bytes())
        return
    with (
        zipfile.ZipFile(saved) as old,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name))


def write_json(path, content):
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    make_all(Path(sys.argv[1]))
