"""Labels that are missing are found, and filled with 0."""

import numpy as np
import pytest

from keras_multiloss._platform import dtype_name, ops
from keras_multiloss.evaluation._missing_labels import fill_missing


def tensor(values, dtype=None):
    return ops.convert_to_tensor(np.asarray(values, dtype))


def array(x):
    return ops.convert_to_numpy(x)


@pytest.mark.parametrize(
    ("label", "mask", "filled", "there"),
    [
        (np.float32([1, np.nan, 3]), "nan", [1, 0, 3], [True, False, True]),
        (np.float32([1, -1, 3]), -1, [1, 0, 3], [True, False, True]),
        (np.int32([4, -1, 5]), -1, [4, 0, 5], [True, False, True]),
        (np.uint8([4, 255, 5]), 255, [4, 0, 5], [True, False, True]),
        (np.int64([16777217, 16777216]), 16777216, [16777217, 0], [True, False]),
        (np.float16([0.5, 1.0]), 0.5, [0, 1], [False, True]),
    ],
    ids=["nan", "float", "int32", "uint8", "large", "half"],
)
def test_missing_entries_are_replaced_and_marked(label, mask, filled, there):
    label = tensor(label)
    replaced, is_there = fill_missing(label, mask)
    assert array(replaced).tolist() == filled
    assert array(is_there).tolist() == there
    assert dtype_name(replaced) == dtype_name(label)


@pytest.mark.parametrize(
    ("dtype", "mask"),
    [
        ("uint8", -1),
        ("uint8", 256),
        ("bool", -1),
        ("bool", 1),
        ("int32", 0.5),
        ("int32", "nan"),
    ],
)
def test_a_label_that_cannot_hold_the_mask_misses_nothing(dtype, mask):
    label = tensor([1, 0], dtype)
    assert fill_missing(label, mask) == (label, None)


def test_without_a_mask_nothing_is_missing():
    label = tensor([np.nan], "float32")
    assert fill_missing(label, None) == (label, None)
