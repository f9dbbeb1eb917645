"""The loop over steps, against one in Python."""

import numpy as np
import pytest

from keras_multiloss._platform import compiled_function, fold_over_steps, ops, traced_once
from tests.lanes import needs_jax_backend


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


@needs_jax_backend
def test_a_function_is_traced_once_for_each_shape_and_constant():
    traces = []

    @traced_once("power")
    def raised(x, power):
        traces.append((x.shape, power))
        return x**power

    for n, power in [(2, 2.0), (2, 2.0), (3, 2.0), (2, 3.0), (3, 2.0)]:
        found = raised(2.0 * ops.ones((n,)), power)
        np.testing.assert_array_equal(ops.convert_to_numpy(found), np.full(n, 2.0**power))
    assert traces == [((2,), 2.0), ((3,), 2.0), ((2,), 3.0)]


def test_a_function_of_constants_may_be_called_by_name():
    @traced_once("power")
    def raised(x, power):
        return x**power

    assert float(raised(3.0 * ops.ones(()), power=2.0)) == 9.0
