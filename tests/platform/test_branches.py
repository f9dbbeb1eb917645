"""Only one of two ways is computed, also in a program that has both."""

import numpy as np
import pytest

from keras_multiloss._platform import compiled_function, either, ops
from tests.lanes import needs_jax_backend, needs_torch_backend


def sine_or_cosine(is_sine):
    return either(is_sine, lambda: [ops.sin(1.0)], lambda: [ops.cos(1.0)])[0]


@pytest.mark.parametrize("wrap", [lambda f: f, compiled_function], ids=["eager", "compiled"])
def test_it_gives_what_the_chosen_way_gives(wrap):
    function = wrap(sine_or_cosine)
    for flag, expected in ((True, np.sin(1.0)), (False, np.cos(1.0))):
        found = ops.convert_to_numpy(function(ops.convert_to_tensor(flag)))
        assert found == pytest.approx(expected, rel=1e-6)


@needs_jax_backend
def test_a_program_of_jax_has_both_ways_as_branches():
    import jax

    jaxpr = jax.make_jaxpr(sine_or_cosine)(True)
    assert "cond" in [e.primitive.name for e in jaxpr.eqns]
    assert "select_n" not in [e.primitive.name for e in jaxpr.eqns]


@needs_torch_backend
def test_pytorch_calls_one_function():
    calls = []
    either(ops.convert_to_tensor(False), lambda: calls.append(1), lambda: calls.append(2))
    assert calls == [2]
