"""What is data, and what is not."""

import numpy as np
import pytest

from keras_multiloss import data as kml_data
from keras_multiloss._platform import keras

OTHER = "keras" if keras.__name__.startswith("tf_keras") else "tf_keras"


def test_an_object_of_no_known_kind_is_refused():
    with pytest.raises(TypeError) as info:
        kml_data.labels_to_inputs({1, 2}, inputs="x")
    assert str(info.value) == (
        "labels_to_inputs: this kind of data is not supported.\n"
        "  Expected: a tf.data.Dataset, a keras.utils.PyDataset (or Sequence), a generator of "
        "batches, or arrays\n"
        "  Received: an object of type set\n"
        "  Hint: a generator takes any iterable: `(batch for batch in data)`"
    )


def test_an_array_alone_is_refused():
    with pytest.raises(TypeError, match=r"arrays come as a tuple `\(x, y\)`"):
        kml_data.inputs_to_labels(np.ones(3))


def test_a_dataset_of_the_other_keras_is_refused():
    dataset = type("Sequence", (), {"__module__": f"{OTHER}.utils"})()
    with pytest.raises(TypeError, match="`data` belongs to a different Keras"):
        kml_data.labels_to_inputs(dataset)


def test_any_iterator_is_a_generator():
    inputs = kml_data.labels_to_inputs(iter([(1, {"age": 2})]), inputs="x")
    assert list(inputs) == [({"x": 1, "age_label": 2},)]
