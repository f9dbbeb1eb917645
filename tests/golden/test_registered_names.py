"""The names that files know classes and functions by: they are only ever added to."""

from pathlib import Path

from keras_multiloss._platform import HAS_ADDONS, keras

NAMES = Path(__file__).parent / "registered_names.txt"


def registered():
    """The names of this library, and those of TensorFlow Addons that it stands in for."""
    names = keras.saving.get_custom_objects()
    return {name for name in names if name.startswith(("keras_multiloss>", "Addons>"))}


def test_every_name_that_a_file_may_hold_is_registered():
    frozen = set(NAMES.read_text(encoding="utf-8").split())
    if HAS_ADDONS:  # which registers its own
        frozen = {name for name in frozen if not name.startswith("Addons>")}
    assert frozen - registered() == set()


def test_new_names_are_written_down():
    frozen = set(NAMES.read_text(encoding="utf-8").split())
    ours = {name for name in registered() if name.startswith("keras_multiloss>")}
    assert ours - frozen == set()
