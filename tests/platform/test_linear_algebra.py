"""Small linear algebra in the precision that it needs."""

import numpy as np
import pytest

from keras_multiloss._platform import double_precision, ops, squared_distances


def test_double_precision_gives_float64():
    with double_precision():
        third = ops.cast(ops.ones((1,)), "float64") / 3.0
        assert float(ops.convert_to_numpy(third)[0]) == pytest.approx(1 / 3, rel=1e-15)


def test_squared_distances_keep_the_digits_of_near_rows():
    rows = np.array([[3.0, 4.0], [3.0, 4.0], [3.0002, 4.0]], "float32")
    found = ops.convert_to_numpy(squared_distances(ops.convert_to_tensor(rows)))
    exact = ((rows[:, None].astype("float64") - rows[None]) ** 2).sum(-1)
    np.testing.assert_allclose(found, exact, rtol=1e-6)
    assert found[0, 1] == 0.0
