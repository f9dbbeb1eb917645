"""The two programs the library grew from, which stand in `examples/`."""

import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras
from tests.lanes import needs_tensorflow

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(autouse=True)
def _import_keras(monkeypatch):
    """The examples say `import keras`; projects on tf-keras say `import tf_keras as keras`."""
    monkeypatch.setitem(sys.modules, "keras", keras)


def program(name, run_name="example"):
    return runpy.run_path(str(EXAMPLES / name), run_name=run_name)


def test_one_loss_per_output_is_the_sum_of_its_terms(capsys):
    program("one_loss_per_output.py", run_name="__main__")
    plain, terms = (line.split(": ")[1] for line in capsys.readouterr().out.splitlines())
    assert plain == terms
    total, first, second = map(float, re.findall(r"[\d.]+", terms))
    assert total == pytest.approx(first + second, abs=2e-4)  # each is printed to 1e-4


def test_labels_as_inputs_trains_and_predicts_without_labels(capsys):
    program("labels_as_inputs.py", run_name="__main__")
    *losses, prediction = capsys.readouterr().out.splitlines()
    values = [float(line.split()[-1]) for line in losses]
    assert len(values) == 3
    assert values[-1] < values[0]
    assert prediction.count("(100, 10)") == 2


@pytest.mark.parametrize("source", [pytest.param("tf.data", marks=needs_tensorflow), "generator"])
def test_labels_as_inputs_equals_a_hand_written_loop(source):
    example = program("labels_as_inputs.py")
    rows = example["random_rows"]()
    model = example["build_model"]()
    training_model = example["build_training_model"](model)
    layers = [model.get_layer(name) for name in ("output_1", "output_2")]
    weights = [[array.copy() for array in layer.get_weights()] for layer in layers]
    inputs, label_inputs = "input_1", example["LABEL_INPUTS"]
    data = (
        example["pipeline"](rows)
        if source == "tf.data"
        else kml.data.labels_to_inputs(
            example["batches"](*rows), inputs=inputs, rename=label_inputs
        )
    )
    history = example["train"](training_model, data, epochs=30, steps_per_epoch=1)
    losses, weights = hand_written_loop(rows, weights, n_steps=30)
    np.testing.assert_allclose(history["loss"], losses, rtol=1e-5)
    for layer, (kernel, bias) in zip(layers, weights, strict=True):
        np.testing.assert_allclose(layer.get_weights()[0], kernel, atol=1e-5)
        np.testing.assert_allclose(layer.get_weights()[1], bias, atol=1e-5)


def hand_written_loop(rows, weights, n_steps):
    """`sum_i reduce_sum((label_i - output_i) ** 2 * (i + 1))`, its gradients, and Adam.

    Returns the loss of each step, taken before it, and the weights after the last.
    """
    x, labels = rows[0], list(rows[1].values())
    weights = [[array.astype("float64") for array in pair] for pair in weights]
    adams = [[Adam(array) for array in pair] for pair in weights]
    losses = []
    for step in range(n_steps):
        batch = slice(32 * (step % 4), 32 * (step % 4) + 32)  # of 100 rows: 32, 32, 32, 4
        loss = 0.0
        for i, (kernel, bias) in enumerate(weights):
            error = labels[i][batch] - (x[batch] @ kernel + bias)
            loss += np.sum(error**2 * (i + 1))
            slope = -2 * (i + 1) * error
            adams[i][0].move(x[batch].T @ slope)
            adams[i][1].move(slope.sum(axis=0))
        losses.append(loss)
    return losses, weights


class Adam:
    """Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, section 2.

    The efficient form of that section, with the constants of Keras. It moves its array.
    """

    def __init__(self, array):
        self.array, self.n_steps = array, 0
        self.mean, self.mean_square = np.zeros_like(array), np.zeros_like(array)

    def move(self, gradient):
        self.n_steps += 1
        self.mean += (1 - 0.9) * (gradient - self.mean)
        self.mean_square += (1 - 0.999) * (gradient**2 - self.mean_square)
        rate = 0.001 * np.sqrt(1 - 0.999**self.n_steps) / (1 - 0.9**self.n_steps)
        self.array -= rate * self.mean / (np.sqrt(self.mean_square) + 1e-7)
