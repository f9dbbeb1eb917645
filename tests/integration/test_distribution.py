"""Two devices train as one: `tf.distribute` on TensorFlow, `keras.distribution` on JAX."""

import functools
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from keras_multiloss._platform import KERAS_3
from tests.lanes import BACKEND, needs_scaling_by_keras

ROOT = Path(__file__).parents[2]


HOSTS = ["model", "layer", "masked", "aggregator moco"]
SLOW = [
    "weighting dynamic_weight_average",
    "weighting famo",
    "weighting impartial",
    "weighting relobralo",
    "balancer mgda",
    "aggregator mgda",
    "aggregator upgrad",
    *(["per output"] if KERAS_3 else []),  # Keras 2 hands no loss all outputs
]


@functools.cache
def run(n_devices, hosts):
    """What each host trains; a process of its own imports and starts all for ten seconds."""
    command = [sys.executable, "-m", "tests.integration.distributed", str(n_devices), *hosts]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@needs_scaling_by_keras
@pytest.mark.skipif(BACKEND == "torch", reason="Keras distributes no training on torch")
@pytest.mark.parametrize(
    "host", [*HOSTS, *(pytest.param(host, marks=pytest.mark.slow) for host in SLOW)]
)
def test_two_devices_equal_one(host):
    hosts = tuple(SLOW if host in SLOW else HOSTS)
    one, two = (run(n_devices, hosts)[host] for n_devices in (1, 2))
    # Sums over two half batches against one sum over the batch, in float32.
    for kernel, expected in zip(two["weights"], one["weights"], strict=True):
        np.testing.assert_allclose(kernel, expected, rtol=1e-5, atol=1e-6)
    assert set(two["history"]) == set(one["history"])
    for name, values in one["history"].items():
        np.testing.assert_allclose(two["history"][name], values, rtol=1e-5, err_msg=name)
    for name, value in one["evaluated"].items():
        assert two["evaluated"][name] == pytest.approx(value, rel=1e-5), name
