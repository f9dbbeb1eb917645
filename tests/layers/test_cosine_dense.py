"""`CosineDense`: cosines, in every precision."""

import numpy as np
import pytest

from keras_multiloss._platform import keras, ops
from keras_multiloss.layers import CosineDense
from tests.losses.messages import exactly

RNG = np.random.default_rng(1)


def test_outputs_are_cosines_with_the_columns_of_the_kernel():
    x = RNG.normal(size=(5, 2, 4)).astype("float32")
    layer = CosineDense(3)
    found = ops.convert_to_numpy(layer(x))
    (kernel,) = layer.get_weights()
    lengths = np.linalg.norm(x, axis=-1, keepdims=True) * np.linalg.norm(kernel, axis=0)
    np.testing.assert_allclose(found, x @ kernel / lengths, rtol=1e-5, atol=1e-6)


def test_an_input_of_length_zero_has_cosine_zero():
    assert ops.convert_to_numpy(CosineDense(3)(np.zeros((1, 4)))).tolist() == [[0.0, 0.0, 0.0]]


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_long_vectors_stay_finite_in_half_precision(policy):
    layer = CosineDense(2, kernel_initializer="identity", dtype=policy)
    # Their squares are beyond float16.
    found = ops.convert_to_numpy(ops.cast(layer(np.array([[3000.0, 4000.0]])), "float32"))
    # Bfloat16 keeps 4e-3 of each number.
    np.testing.assert_allclose(found, [[0.6, 0.8]], rtol=5e-3)


def test_it_is_a_layer_of_a_symbolic_model():
    inputs = keras.Input((7, 4))
    assert CosineDense(3)(inputs).shape == (None, 7, 3)


@pytest.mark.parametrize("units", [0, 2.5, True])
def test_units_that_are_no_number_of_classes_are_refused(units):
    message = exactly(
        "CosineDense: `units` must be an integer of at least 1.",
        "  Expected: the number of classes, such as 10",
        f"  Received: {units}",
    )
    with pytest.raises(ValueError, match=message):
        CosineDense(units)
