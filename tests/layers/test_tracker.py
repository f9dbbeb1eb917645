"""`TermTracker`: running means that add up."""

import numpy as np
import pytest

from keras_multiloss._keras import ops
from keras_multiloss.layers._tracker import TermTracker, vector_size


def tensors(**values):
    return {name: ops.convert_to_tensor(np.float32(value)) for name, value in values.items()}


def read(tracker):
    return {name: float(value) for name, value in tracker.result().items()}


def test_batches_count_by_their_number_of_samples():
    tracker = TermTracker(["a", "b"])
    tracker.update_state(tensors(a=1.0, b=2.0), {}, 3)
    tracker.update_state(tensors(a=5.0, b=6.0), {}, 1)
    assert read(tracker) == {"a_loss": 2.0, "b_loss": 3.0}


def test_a_moving_weight_is_weighted_by_the_loss_it_acted_on():
    tracker = TermTracker(["a"], ["a"])
    tracker.update_state(tensors(a=1.0), tensors(a=1.0), 1)
    tracker.update_state(tensors(a=3.0), tensors(a=0.5), 1)
    # (1 * 1 + 0.5 * 3) / (1 + 3), so that weight * mean loss is the mean of the products
    assert read(tracker) == {"a_loss": 2.0, "a_weight": 0.625}


def test_the_weight_of_a_loss_of_zero_is_its_plain_mean():
    tracker = TermTracker(["a"], ["a"])
    tracker.update_state(tensors(a=0.0), tensors(a=1.0), 1)
    tracker.update_state(tensors(a=0.0), tensors(a=0.5), 1)
    assert read(tracker) == {"a_loss": 0.0, "a_weight": 0.75}


def test_reset_starts_anew():
    tracker = TermTracker(["a"])
    tracker.update_state(tensors(a=1.0), {}, 3)
    tracker.reset_state()
    tracker.update_state(tensors(a=7.0), {}, 1)
    assert read(tracker) == {"a_loss": 7.0}


def test_a_skipped_term_is_not_in_the_log():
    tracker = TermTracker(["a", "b"])
    tracker.update_state(tensors(b=2.0), {}, 1)
    assert read(tracker) == {"b_loss": 2.0}


def test_three_hundred_terms_take_one_variable():
    names = [f"t{i}" for i in range(300)]
    tracker = TermTracker(names)
    assert len(tracker.variables) == 1
    assert tuple(tracker.variables[0].shape) == (vector_size(names, []),)


def test_without_access_to_its_vector_it_logs_nothing():
    tracker = TermTracker(["a"], variable=lambda: None, is_readable=False)
    assert tracker.result() == {}
    assert tracker.variables == []


def test_no_batch_gives_zeros():
    assert read(TermTracker(["a"])) == {"a_loss": pytest.approx(0.0)}
