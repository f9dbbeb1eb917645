"""Weights by the class that a label names."""

import numpy as np
import pytest

from keras_multiloss._platform import ops
from keras_multiloss.evaluation import class_weights

WEIGHTS = {0: 2.0, 2: 0.5}


def weights_of(label, values_shape):
    label = ops.convert_to_tensor(np.asarray(label))
    weights = class_weights("Here", label, ops.ones(values_shape), WEIGHTS)
    return ops.convert_to_numpy(weights).tolist()


@pytest.mark.parametrize("dtype", ["int32", "uint8", "float32"])
def test_a_sparse_label_is_the_class(dtype):
    assert weights_of(np.array([0, 1, 2, 3], dtype), (4,)) == [2.0, 1.0, 0.5, 1.0]


def test_a_one_hot_label_has_its_largest_entry_at_the_class():
    assert weights_of(np.eye(3), (3,)) == [2.0, 1.0, 0.5]
    assert weights_of(np.array([[0.1, 0.1, 0.8]]), (1,)) == [0.5]
    assert weights_of(np.eye(3, dtype=bool), (3,)) == [2.0, 1.0, 0.5]


def test_a_label_of_single_entries_has_a_class_in_each():
    assert weights_of(np.float32([[0, 1], [2, 0]]), (2, 2)) == [[2.0, 1.0], [0.5, 2.0]]


def test_negative_classes_weigh_one():
    assert weights_of(np.int32([-1, 0]), (2,)) == [1.0, 2.0]


def test_an_axis_of_one_entry_holds_the_class():
    assert weights_of(np.int32([[0], [2]]), (2,)) == [2.0, 0.5]
