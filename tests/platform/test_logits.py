"""The logits that Keras's crossentropies find behind probabilities, on TensorFlow."""

import numpy as np
import pytest

from keras_multiloss._platform import activation_of, backend, keras, logits_of, ops
from tests.lanes import needs_tensorflow_backend

LOGITS = np.array([[-50.0, 0.5, 50.0]], "float32")


def traced(function):
    """What a function gives for the logits in a graph, and what it looked at while traced."""
    import tensorflow as tf

    seen = []

    @tf.function
    def graph(logits):
        found, note = function(logits)
        seen.append(note)
        return found

    return graph(tf.constant(LOGITS)).numpy(), seen[0]


@needs_tensorflow_backend
@pytest.mark.parametrize("name", ["sigmoid", "softmax"])
def test_an_activation_of_keras_is_known_in_a_graph_with_its_logits(name):
    activate = getattr(keras.activations, name)

    def again(logits):
        output = activate(logits)
        activation = activation_of(output)
        return activation(logits_of(output) + 0.0), activation

    found, activation = traced(again)
    expected = ops.convert_to_numpy(activate(ops.convert_to_tensor(LOGITS)))
    assert activation.is_known
    assert activation.is_of_keras
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@needs_tensorflow_backend
@pytest.mark.parametrize("name", ["sigmoid", "softmax"])
def test_an_activation_of_tensorflow_stays_one(name):
    """Of these, Keras finds only those logits that the crossentropy fits."""
    import tensorflow as tf

    def again(logits):
        output = getattr(tf.nn, name)(logits)
        again = activation_of(output)(logits_of(output))
        return again, (activation_of(output), hasattr(again, "_keras_logits"))

    _, (activation, has_logits) = traced(again)
    assert activation.is_known
    assert not activation.is_of_keras
    assert not has_logits


@needs_tensorflow_backend
@pytest.mark.parametrize("kind", ["binary_crossentropy", "categorical_crossentropy"])
@pytest.mark.parametrize("name", ["sigmoid", "softmax"])
@pytest.mark.parametrize("source", ["keras", "tensorflow"])
def test_crossentropies_do_the_same_to_an_activation_that_was_made_again(kind, name, source):
    import tensorflow as tf

    module = keras.activations if source == "keras" else tf.nn
    label = np.array([[1.0, 0.0, 0.0]], "float32")
    loss = getattr(keras.losses, kind)

    def plain(logits):
        return loss(label, getattr(module, name)(logits)), None

    def again(logits):
        output = getattr(module, name)(logits)
        return loss(label, activation_of(output)(logits_of(output) + 0.0)), None

    np.testing.assert_allclose(traced(again)[0], traced(plain)[0], rtol=1e-6)


def test_an_output_without_an_activation_has_none():
    assert activation_of(ops.convert_to_tensor(LOGITS)) is None


def test_outside_of_graphs_the_activation_of_noted_logits_is_not_known():
    output = keras.activations.sigmoid(ops.convert_to_tensor(LOGITS))
    activation = activation_of(output)
    assert activation is None if backend() != "tensorflow" else not activation.is_known
