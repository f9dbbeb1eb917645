"""Arrays and lists as tensors, outputs in float32, structures kept."""

import numpy as np
import pytest

from keras_multiloss._platform import dtype_name, ops
from keras_multiloss.evaluation import to_float32
from keras_multiloss.evaluation._casting import as_tensors, tensors_in, with_tensors


def tensor(values, dtype=None):
    return ops.convert_to_tensor(np.asarray(values, dtype))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_floating_outputs_become_float32(dtype):
    assert dtype_name(to_float32(np.ones(2, dtype))) == "float32"


def test_bfloat16_outputs_become_float32():
    output = ops.cast(ops.ones(2), "bfloat16")
    assert dtype_name(to_float32(output)) == "float32"


def test_integers_stay_integers():
    assert dtype_name(to_float32(np.array([16777217], "int32"))) == "int32"


def test_a_float32_tensor_is_not_copied():
    output = tensor([1.0], "float32")
    assert to_float32(output) is output


def test_structures_are_kept_and_lists_become_tuples():
    structure = {"a": np.ones(2), "b": [np.ones(3), (np.ones(4), None)]}
    cast = to_float32(structure)
    assert list(cast) == ["a", "b"]
    assert cast["b"][0].shape == (3,)
    assert cast["b"][1][0].shape == (4,)
    assert cast["b"][1][1] is None
    assert isinstance(cast["b"], tuple)


def test_a_list_of_numbers_is_one_tensor():
    assert to_float32([[1.0, 2.0], [3.0, 4.0]]).shape == (2, 2)
    assert to_float32(([[1.0]], [[2.0]]))[1].shape == (1, 1)


def test_the_tensors_of_a_structure_can_be_replaced_in_their_order():
    structure = as_tensors({"a": np.ones(1), "b": (np.ones(2), np.ones(3))})
    shapes = [tuple(x.shape) for x in tensors_in(structure)]
    assert shapes == [(1,), (2,), (3,)]
    replaced = with_tensors(structure, [2 * x for x in tensors_in(structure)])
    assert float(replaced["b"][1][0]) == 2.0
    assert tensors_in(None) == []
    assert with_tensors(None, []) is None
