"""`ProductBinaryCrossentropy`: as Keras where Keras is exact, and exact where it is not."""

import numpy as np
import pytest

from keras_multiloss._platform import keras, ops
from keras_multiloss.losses import ProductBinaryCrossentropy
from tests.losses.messages import exactly


def crossentropy(label, *outputs, **arguments):
    outputs = tuple(ops.convert_to_tensor(np.array(out, "float32")) for out in outputs)
    label = ops.convert_to_tensor(np.array(label, "float32"))
    return ops.convert_to_numpy(ProductBinaryCrossentropy(**arguments).call(label, outputs))


def test_it_is_the_crossentropy_of_the_product():
    click, conversion = np.array([[0.3], [0.8], [0.5]]), np.array([[0.9], [0.2], [0.5]])
    label = np.array([[1.0], [0.0], [0.25]])
    expected = keras.losses.binary_crossentropy(label, (click * conversion).astype("float32"))
    np.testing.assert_allclose(
        crossentropy(label, click, conversion)[:, 0],
        ops.convert_to_numpy(expected),
        rtol=1e-5,  # Keras moves probabilities by its epsilon of 1e-7
    )


def test_two_unlikely_steps_happen_with_their_joint_probability():
    # -log(1 - sigmoid(-8)^2) is e^-16 but for 1e-3 of it.
    p = 1 / (1 + np.exp(8.0))
    assert crossentropy([[0.0]], [[-8.0]], [[-8.0]], from_logits=True) == pytest.approx(
        -np.log1p(-(p**2)), rel=2e-6
    )


def test_two_almost_certain_steps_fail_with_their_joint_probability():
    # 1 - sigmoid(30)^2 = 2 e^-30; the product itself is 1 in float32.
    assert crossentropy([[0.0]], [[30.0]], [[30.0]], from_logits=True) == pytest.approx(
        30 - np.log(2), rel=1e-6
    )


def test_far_logits_keep_their_exact_distance():
    assert crossentropy([[1.0]], [[-500.0]], [[-300.0]], from_logits=True) == [[800.0]]
    assert crossentropy([[0.0]], [[500.0]], [[900.0]], from_logits=True) == [[500.0]]


def test_the_order_of_the_steps_is_irrelevant():
    rng = np.random.default_rng(0)
    steps, label = rng.normal(size=(3, 6, 1)), rng.integers(0, 2, size=(6, 1))
    np.testing.assert_allclose(
        crossentropy(label, *steps, from_logits=True),
        crossentropy(label, *steps[::-1], from_logits=True),
        rtol=2e-6,  # other roundings of the same sums
    )


def test_a_flat_label_meets_a_column_of_outputs_entry_by_entry():
    click, conversion = np.full((3, 1), 0.5), np.full((3, 1), 0.5)
    label = np.array([1.0, 0.0, 1.0])
    np.testing.assert_array_equal(
        crossentropy(label, click, conversion), crossentropy(label[:, None], click, conversion)
    )


def test_a_label_of_another_shape_is_refused():
    message = exactly(
        "ProductBinaryCrossentropy: the label does not have the shape of the output.",
        "  Expected: a label of shape (3, 1)",
        "  Received: shape (3, 2)",
    )
    with pytest.raises(ValueError, match=message):
        crossentropy(np.ones((3, 2)), np.ones((3, 1)), np.ones((3, 1)))


def test_a_label_for_each_output_is_refused():
    outputs = (np.ones((3, 1)), np.ones((3, 1)))
    message = exactly(
        "ProductBinaryCrossentropy: it needs one label.",
        "  Expected: the name of a label, LossTerm(..., labels='label')",
        "  Received: 2 labels in a tuple",
        "  Hint: by default, the `labels` of a term have the names of its outputs",
    )
    with pytest.raises(ValueError, match=message):
        ProductBinaryCrossentropy()(outputs, outputs)
