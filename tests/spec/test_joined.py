"""Tensors that came as one: what they are by themselves, and when the one serves again."""

import numpy as np
import pytest

from keras_multiloss._platform import ops
from keras_multiloss.spec import MOST_ENTRIES, JoinedByName, JoinedTensors, are_small
from keras_multiloss.spec._joined import joined_in


def test_labels_that_came_as_one_tensor_are_not_put_together_again():
    whole = ops.convert_to_tensor(np.arange(12, dtype="float32").reshape(4, 3, 1))
    joined = JoinedTensors.of(whole)
    np.testing.assert_array_equal(
        ops.convert_to_numpy(joined.by_part(joined.tensors)),
        ops.convert_to_numpy(ops.stack(joined.tensors)),
    )
    assert joined.by_part(joined.tensors[::-1]) is None
    assert joined.by_part(joined.tensors[:2]) is None
    assert joined.by_part([*joined.tensors[:2], ops.convert_to_tensor(np.ones((4, 1)))]) is None


def test_what_came_as_one_is_found_in_structures_that_know():
    joined = JoinedTensors.of(ops.ones((4, 2, 1)))
    labels = JoinedByName({"a": joined.tensors[0], "b": joined.tensors[1]}, [joined])
    assert joined_in(labels, None, {"a": 1}, [2]) == (joined,)
    assert dict(labels) == {"a": joined.tensors[0], "b": joined.tensors[1]}


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((None, 1), True),
        ((8,), True),
        ((8, MOST_ENTRIES), True),
        ((8, MOST_ENTRIES + 1), False),
        ((8, 64, 65), False),
        ((8, None, 2), False),
    ],
)
def test_samples_are_small_or_not_known_to_be(shape, expected):
    assert are_small(shape) is expected
