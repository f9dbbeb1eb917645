"""Casting, missing labels, class weights and reduction, against NumPy."""

import numpy as np
import pytest

from keras_multiloss import _values
from keras_multiloss._keras import dtype_name, ops


def tensor(values, dtype=None):
    return ops.convert_to_tensor(np.asarray(values, dtype))


def array(x):
    return ops.convert_to_numpy(x)


class TestCasting:
    @pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
    def test_floating_outputs_become_float32(self, dtype):
        assert dtype_name(_values.to_float32(np.ones(2, dtype))) == "float32"

    def test_bfloat16_outputs_become_float32(self):
        output = ops.cast(ops.ones(2), "bfloat16")
        assert dtype_name(_values.to_float32(output)) == "float32"

    def test_integers_stay_integers(self):
        assert dtype_name(_values.to_float32(np.array([16777217], "int32"))) == "int32"

    def test_a_float32_tensor_is_not_copied(self):
        output = tensor([1.0], "float32")
        assert _values.to_float32(output) is output

    def test_structures_are_kept_and_lists_become_tuples(self):
        structure = {"a": np.ones(2), "b": [np.ones(3), (np.ones(4), None)]}
        cast = _values.to_float32(structure)
        assert list(cast) == ["a", "b"]
        assert cast["b"][0].shape == (3,)
        assert cast["b"][1][0].shape == (4,)
        assert cast["b"][1][1] is None
        assert isinstance(cast["b"], tuple)

    def test_a_list_of_numbers_is_one_tensor(self):
        assert _values.to_float32([[1.0, 2.0], [3.0, 4.0]]).shape == (2, 2)
        assert _values.to_float32(([[1.0]], [[2.0]]))[1].shape == (1, 1)


class TestMissingLabels:
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
    def test_missing_entries_are_replaced_and_marked(self, label, mask, filled, there):
        label = tensor(label)
        replaced, is_there = _values.split_missing(label, mask)
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
    def test_a_label_that_cannot_hold_the_mask_misses_nothing(self, dtype, mask):
        label = tensor([1, 0], dtype)
        assert _values.split_missing(label, mask) == (label, None)

    def test_without_a_mask_nothing_is_missing(self):
        label = tensor([np.nan], "float32")
        assert _values.split_missing(label, None) == (label, None)


class TestClassWeights:
    WEIGHTS = {0: 2.0, 2: 0.5}

    def of(self, label, values_shape):
        values = ops.ones(values_shape)
        return array(_values.class_weights("Here", tensor(label), values, self.WEIGHTS)).tolist()

    @pytest.mark.parametrize("dtype", ["int32", "uint8", "float32"])
    def test_a_sparse_label_is_the_class(self, dtype):
        assert self.of(np.array([0, 1, 2, 3], dtype), (4,)) == [2.0, 1.0, 0.5, 1.0]

    def test_a_one_hot_label_has_its_largest_entry_at_the_class(self):
        assert self.of(np.eye(3), (3,)) == [2.0, 1.0, 0.5]
        assert self.of(np.array([[0.1, 0.1, 0.8]]), (1,)) == [0.5]
        assert self.of(np.eye(3, dtype=bool), (3,)) == [2.0, 1.0, 0.5]

    def test_a_label_of_single_entries_has_a_class_in_each(self):
        assert self.of(np.float32([[0, 1], [2, 0]]), (2, 2)) == [[2.0, 1.0], [0.5, 2.0]]

    def test_negative_classes_weigh_one(self):
        assert self.of(np.int32([-1, 0]), (2,)) == [1.0, 2.0]

    def test_an_axis_of_one_entry_holds_the_class(self):
        assert self.of(np.int32([[0], [2]]), (2,)) == [2.0, 0.5]


class TestReduction:
    VALUES = np.float32([[1.0, 2.0], [3.0, 6.0]])

    def reduced(self, reduction, weights=(), valid=None):
        valid = None if valid is None else tensor(valid, bool)
        value = _values.reduce("Here", tensor(self.VALUES), reduction, weights, valid)
        assert dtype_name(value) == "float32"
        return float(value)

    @pytest.mark.parametrize("reduction", ["sum_over_batch_size", "mean", "none", "auto", None])
    def test_a_mean_divides_by_the_number_of_values(self, reduction):
        assert self.reduced(reduction) == 3.0
        assert self.reduced(reduction, [np.float32([2, 0])]) == 1.5

    def test_a_sum_does_not_divide(self):
        assert self.reduced("sum") == 12.0
        assert self.reduced("sum", [np.float32([2, 0])]) == 6.0

    def test_a_weighted_mean_divides_by_the_weights(self):
        assert self.reduced("mean_with_sample_weight") == 3.0
        assert self.reduced("mean_with_sample_weight", [np.float32([3, 1])]) == 18 / 8

    def test_several_weights_multiply(self):
        weights = [np.float32([2, 1]), np.float32([[1, 0], [1, 1]])]
        assert self.reduced("sum", weights) == 11.0

    def test_weights_may_be_integers_or_a_number(self):
        assert self.reduced("sum", [np.int32([2, 0])]) == 6.0
        assert self.reduced("sum", [2]) == 24.0

    def test_values_that_are_not_valid_count_nowhere(self):
        valid = [[True, False], [True, True]]
        assert self.reduced("sum_over_batch_size", valid=valid) == pytest.approx(10 / 3)
        assert self.reduced("sum", valid=valid) == 10.0
        weighted = self.reduced("mean_with_sample_weight", [np.float32([3, 1])], valid)
        assert weighted == pytest.approx(12 / 5)

    @pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"])
    def test_nothing_valid_gives_zero(self, reduction):
        assert self.reduced(reduction, valid=np.zeros((2, 2))) == 0.0

    def test_weights_that_are_all_zero_give_zero(self):
        assert self.reduced("mean_with_sample_weight", [np.float32([0, 0])]) == 0.0

    def test_an_invalid_value_may_be_anything(self):
        values = tensor([1.0, np.nan, np.inf], "float32")
        valid = tensor([True, False, False])
        assert float(_values.reduce("Here", values, "sum", valid=valid)) == 1.0

    def test_a_scalar_is_its_own_mean(self):
        assert float(_values.reduce("Here", 3.0, "sum_over_batch_size")) == 3.0

    def test_an_empty_batch_gives_zero(self):
        values = tensor(np.zeros((0, 2)), "float32")
        assert float(_values.reduce("Here", values, "sum_over_batch_size")) == 0.0


def test_the_share_of_a_row_is_one_over_its_entries_that_count():
    valid = tensor([[True, True], [True, False], [False, False]])
    shares = _values.share_of_row(ops.ones((3, 2)), valid)
    assert array(shares).tolist() == [[0.5], [1.0], [1.0]]
