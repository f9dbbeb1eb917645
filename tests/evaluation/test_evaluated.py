"""What is made of the values of a loss: means and sums, what the log counts, samples."""

import numpy as np
import pytest

from keras_multiloss._platform import dtype_name, ops
from keras_multiloss.evaluation import Evaluated, losses_of

VALUES = np.float32([[1.0, 2.0], [3.0, 6.0]])


def tensor(values, dtype=None):
    return ops.convert_to_tensor(np.asarray(values, dtype))


def evaluated(values=VALUES, counted=None, *, is_by_entry=False):
    """The values of a loss on four samples."""
    counted = None if counted is None else tensor(counted, bool)
    values = tensor(values, "float32")
    return Evaluated("Here", values, counted, None, 4, is_by_entry=is_by_entry)


def reduced(reduction, weights=(), counted=None, values=VALUES):
    found = evaluated(values, counted).weighed_by(*weights).reduced(reduction)
    value = losses_of([found])[0]
    assert dtype_name(value) == "float32"
    return float(value)


def logged(found):
    """The mean that the log shows of one batch, and what it counts for."""
    return float(found.logged) / float(found.count), float(found.count)


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "mean", "none", "auto", None])
def test_a_mean_divides_by_the_number_of_values(reduction):
    assert reduced(reduction) == 3.0
    assert reduced(reduction, [np.float32([2, 0])]) == 1.5


def test_a_sum_does_not_divide():
    assert reduced("sum") == 12.0
    assert reduced("sum", [np.float32([2, 0])]) == 6.0


def test_a_weighted_mean_divides_by_the_weights():
    assert reduced("mean_with_sample_weight") == 3.0
    assert reduced("mean_with_sample_weight", [np.float32([3, 1])]) == 18 / 8


def test_several_weights_multiply():
    weights = [np.float32([2, 1]), np.float32([[1, 0], [1, 1]])]
    assert reduced("sum", weights) == 11.0


def test_weights_may_be_integers_or_a_number():
    assert reduced("sum", [np.int32([2, 0])]) == 6.0
    assert reduced("sum", [2]) == 24.0


def test_values_that_do_not_count_count_nowhere():
    counted = [[True, False], [True, True]]
    assert reduced("sum_over_batch_size", counted=counted) == pytest.approx(10 / 3)
    assert reduced("sum", counted=counted) == 10.0
    weighted = reduced("mean_with_sample_weight", [np.float32([3, 1])], counted)
    assert weighted == pytest.approx(12 / 5)


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"])
def test_nothing_counted_gives_zero(reduction):
    assert reduced(reduction, counted=np.zeros((2, 2))) == 0.0


def test_weights_that_are_all_zero_give_zero():
    assert reduced("mean_with_sample_weight", [np.float32([0, 0])]) == 0.0


def test_a_value_that_does_not_count_may_be_anything():
    assert reduced("sum", [], [True, False, False], [1.0, np.nan, np.inf]) == 1.0


def test_a_scalar_is_its_own_mean():
    assert reduced("sum_over_batch_size", values=3.0) == 3.0


def test_an_empty_batch_gives_zero():
    assert reduced("sum_over_batch_size", values=np.zeros((0, 2))) == 0.0


def test_the_share_of_a_row_is_one_over_its_entries_that_count():
    counted = [[True, True], [True, False], [False, False]]
    shares = evaluated(np.ones((3, 2)), counted, is_by_entry=True).share_of_row()
    assert ops.convert_to_numpy(shares).tolist() == [[0.5], [1.0], [1.0]]
    assert evaluated().share_of_row() == 1.0


def test_the_log_counts_what_a_mean_is_over():
    counted = [[True, False], [True, True]]
    assert logged(evaluated(counted=counted).reduced("mean")) == pytest.approx((10 / 3, 3.0))


def test_the_log_counts_the_weights_of_a_weighted_mean():
    found = evaluated().weighed_by(np.float32([3, 1])).reduced("mean_with_sample_weight")
    assert logged(found) == (18 / 8, 8.0)


def test_the_log_counts_batches_of_a_sum_and_samples_of_a_scalar():
    assert logged(evaluated().reduced("sum")) == (12.0, 1.0)
    assert logged(evaluated(3.0).reduced("mean")) == (3.0, 4.0)


def test_several_losses_are_one_vector():
    found = [evaluated(VALUES).reduced("mean"), evaluated(VALUES).reduced("sum")]
    assert ops.convert_to_numpy(losses_of(found)).tolist() == [3.0, 12.0]


def test_a_sample_is_the_mean_of_what_counts_in_it():
    found = evaluated(counted=[[True, False], [False, False]]).by_sample()
    assert ops.convert_to_numpy(found.weighed_values()).tolist() == [1.0, 0.0]
    assert ops.convert_to_numpy(found.counted).tolist() == [True, False]
    assert evaluated().by_sample().counted is None


def test_entries_add_up_to_the_mean_of_their_row_in_a_sum():
    found = evaluated(counted=[[True, True], [True, False]], is_by_entry=True)
    assert float(losses_of([found.reduced("sum")])[0]) == 1.5 + 3.0
    assert float(losses_of([found.reduced("mean")])[0]) == 2.0


def test_a_loss_object_without_reduction_gives_rows():
    values = evaluated(is_by_entry=True).as_loss_object("none")
    assert ops.convert_to_numpy(values).tolist() == [1.5, 4.5]
    assert tuple(evaluated().as_loss_object("none").shape) == (2, 2)
