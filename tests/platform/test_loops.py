"""The loop over steps, against one in Python."""

import numpy as np
import pytest

from keras_multiloss._platform import compiled_function, fold_over_steps, ops


@pytest.mark.parametrize("n_steps", [0, 1, 5])
@pytest.mark.parametrize("is_compiled", [False, True])
def test_each_step_gets_the_state_of_the_one_before(n_steps, is_compiled):
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=(n_steps, 3)).astype("float32") for _ in "ab")

    def folded(a, b):
        return fold_over_steps(lambda s, step: 0.5 * s + step[0] * step[1], ops.ones((3,)), (a, b))

    found = (compiled_function(folded) if is_compiled else folded)(
        ops.convert_to_tensor(a), ops.convert_to_tensor(b)
    )
    expected = np.ones(3)
    for x, y in zip(a, b, strict=True):
        expected = 0.5 * expected + x * y
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-5)  # float32
