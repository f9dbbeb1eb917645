"""Two devices train as one: `tf.distribute` on TensorFlow, `keras.distribution` on JAX."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.lanes import BACKEND, needs_keras_3, needs_scaling_by_keras

ROOT = Path(__file__).parents[2]


def run(host, n_devices):
    command = [sys.executable, "-m", "tests.integration.distributed", host, str(n_devices)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@needs_scaling_by_keras
@pytest.mark.skipif(BACKEND == "torch", reason="Keras distributes no training on torch")
@pytest.mark.parametrize(
    "host",
    [
        "model",
        "layer",
        "masked",
        pytest.param("per output", marks=needs_keras_3),
        "weighting dynamic_weight_average",
        "balancer mgda",
        "aggregator mgda",
        "aggregator moco",
        pytest.param("weighting famo", marks=pytest.mark.slow),
        pytest.param("weighting impartial", marks=pytest.mark.slow),
        pytest.param("weighting relobralo", marks=pytest.mark.slow),
    ],
)
def test_two_devices_equal_one(host):
    one, two = run(host, 1), run(host, 2)
    # Sums over two half batches against one sum over the batch, in float32.
    for kernel, expected in zip(two["weights"], one["weights"], strict=True):
        np.testing.assert_allclose(kernel, expected, rtol=1e-5, atol=1e-6)
    assert set(two["history"]) == set(one["history"])
    for name, values in one["history"].items():
        np.testing.assert_allclose(two["history"][name], values, rtol=1e-5, err_msg=name)
    for name, value in one["evaluated"].items():
        assert two["evaluated"][name] == pytest.approx(value, rel=1e-5), name
