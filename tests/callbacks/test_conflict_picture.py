"""`ConflictMonitor`: its picture, and what it writes for TensorBoard."""

import struct
import sys

import numpy as np
import pytest

from keras_multiloss._platform import tensorflow
from keras_multiloss.callbacks import ConflictMonitor
from tests.callbacks.monitored import EYE, labels, monitored
from tests.lanes import needs_matplotlib, needs_tensorflow
from tests.losses.messages import exactly

OPPOSITE = labels([1, 0], [-3, 0])
PNG = b"\x89PNG"


def texts(axes):
    return [text.get_text() for text in axes.texts]


@needs_matplotlib
def test_the_picture_has_the_cosines_as_numbers_and_a_line_for_each_pair_and_norm():
    monitor, _ = monitored(OPPOSITE)
    heat_map, cosines, norms = monitor.plot().get_axes()
    assert texts(heat_map) == ["1.00", "-1.00", "-1.00", "1.00"]
    assert [label.get_text() for label in heat_map.get_yticklabels()] == ["a", "b"]
    assert [text.get_text() for text in cosines.get_legend().get_texts()] == ["a, b"]
    assert [list(line.get_ydata()) for line in norms.get_lines()] == [[1, 1], [3, 3]]


@needs_matplotlib
def test_the_picture_is_saved_as_its_ending_says(tmp_path):
    monitor, _ = monitored(OPPOSITE)
    monitor.plot(tmp_path / "conflicts.png")
    monitor.plot(str(tmp_path / "conflicts.svg"))
    assert (tmp_path / "conflicts.png").read_bytes().startswith(PNG)
    assert "<svg" in (tmp_path / "conflicts.svg").read_text(encoding="utf-8")


@needs_matplotlib
def test_cosines_that_are_not_known_are_drawn_as_such():
    monitor, _ = monitored(labels([1, 0], [0, 0]))
    assert texts(monitor.plot().get_axes()[0]) == ["1.00", "?", "?", "?"]


@needs_matplotlib
@pytest.mark.parametrize(("n_tasks", "title"), [(4, "Cosine"), (5, "Share of pairs in conflict")])
def test_many_pairs_are_drawn_as_their_share_of_conflicts(n_tasks, title):
    from keras_multiloss.callbacks._conflict_picture import overview

    names = [f"task {i}" for i in range(n_tasks)]
    figure = overview(names, [0, 1], np.stack([np.eye(n_tasks)] * 2))
    assert figure.get_axes()[1].get_title() == title


def events(folder):
    """What the event files of a folder hold: `{(tag, step): tensor}`, and the plugin of each tag.

    Read as records, as the tensorboard package is not in every lane.
    """
    tf = tensorflow()
    found, plugins = {}, {}
    for file in folder.iterdir():
        for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
            event = tf.compat.v1.Event.FromString(record)
            for value in event.summary.value:
                found[value.tag, event.step] = tf.make_ndarray(value.tensor)
                plugin = value.metadata.plugin_data.plugin_name
                plugins[value.tag] = plugin or plugins[value.tag]
    return found, plugins


@needs_tensorflow
@needs_matplotlib
def test_tensorboard_gets_the_scalars_and_the_heat_map_of_each_measurement(tmp_path):
    monitored(OPPOSITE, epochs=2, aggregator="mean", log_dir=tmp_path)
    found, plugins = events(tmp_path)
    scalars = {
        "cosine/a,b": -1.0,
        "gradient_norm/a": 1.0,
        "gradient_norm/b": 3.0,
        "gradient_weight/a": 0.5,
        "gradient_weight/b": 0.5,
        "conflict_rate": 1.0,
    }
    assert plugins == {**dict.fromkeys(scalars, "scalars"), "cosines": "images"}
    assert {step for _, step in found} == {0, 1, 2}
    for step in (0, 1, 2):
        assert {name: float(found[name, step]) for name in scalars} == scalars
        width, height, png = found["cosines", step]
        assert png.startswith(PNG)
        assert struct.unpack(">II", png[16:24]) == (int(width), int(height))


@pytest.mark.parametrize(
    ("missing", "extra"), [("matplotlib", "viz"), ("tensorflow", "tensorflow")]
)
def test_log_dir_says_which_package_is_missing(monkeypatch, tmp_path, missing, extra):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == missing else name)
    message = exactly(
        "ConflictMonitor: `log_dir` needs packages that are not installed.",
        "  Expected: tensorflow and matplotlib",
        f"  Received: no {missing} installed",
        f"  Hint: pip install 'keras-multiloss[{extra}]'",
    )
    with pytest.raises(ImportError, match=message):
        ConflictMonitor((EYE, OPPOSITE), log_dir=tmp_path)


def test_a_picture_says_that_it_needs_matplotlib(monkeypatch):
    monitor, _ = monitored(OPPOSITE)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    message = exactly(
        "ConflictMonitor.plot: a picture needs Matplotlib.",
        "  Expected: matplotlib",
        "  Received: no matplotlib installed",
        "  Hint: pip install 'keras-multiloss[viz]'",
    )
    with pytest.raises(ImportError, match=message):
        monitor.plot()
