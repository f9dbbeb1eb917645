"""What a rule sees of the terms of a step, and what it leaves as it was."""

import numpy as np
import pytest

from keras_multiloss._platform import ops
from keras_multiloss.engine._seen_terms import SeenTerms

NAMES = ["a", "b", "c"]


def vector(*numbers):
    return ops.convert_to_tensor(np.array(numbers, "float32"))


def seen_terms(names, losses):
    return SeenTerms(NAMES, NAMES, names, vector(*[1.0] * len(names)), vector(*losses))


@pytest.mark.parametrize(
    ("names", "expected"),
    # The first of the terms that are there has a loss of 0, and so keeps its entry.
    [(["a", "b", "c"], [1, 12, 13]), (["b", "c"], [1, 2, 13])],
)
def test_what_a_step_does_not_change_is_the_same_object(names, expected):
    seen = seen_terms(names, [0.0] + [2.0] * (len(names) - 1))
    full = {"moved": vector(1, 2, 3), "fixed": vector(4, 5, 6), "number": vector(7)[0]}
    before = seen.state(full, trained=())
    merged = seen.merged({**before, "moved": before["moved"] + 10}, before, full)
    assert merged["fixed"] is full["fixed"]
    assert merged["number"] is full["number"]
    np.testing.assert_array_equal(ops.convert_to_numpy(merged["moved"]), expected)


def test_rows_of_terms_that_do_not_count_stay_also_in_a_matrix():
    seen = seen_terms(NAMES, [1.0, 0.0, 1.0])
    full = {"matrix": ops.reshape(vector(*range(6)), (3, 2))}
    before = seen.state(full, trained=())
    merged = seen.merged({"matrix": before["matrix"] + 10}, before, full)
    expected = [[10, 11], [2, 3], [14, 15]]
    np.testing.assert_array_equal(ops.convert_to_numpy(merged["matrix"]), expected)
