"""Several devices train as one: `tf.distribute` on TensorFlow, `keras.distribution` on JAX."""

import functools
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from keras_multiloss._platform import KERAS_3
from tests.lanes import BACKEND, needs_scaling_by_keras, needs_tensorflow_backend

ROOT = Path(__file__).parents[2]


HOSTS = ["model", "layer", "masked", "aggregator moco", "aggregator upgrad every 2", "reductions"]
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


#: Batches of 8 do not divide by three.
needs_uneven_parts = needs_tensorflow_backend


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
    ("n_devices", "host"),
    [
        *((2, host) for host in HOSTS),
        *(pytest.param(2, host, marks=pytest.mark.slow) for host in SLOW),
        *(pytest.param(3, host, marks=[pytest.mark.slow, needs_uneven_parts]) for host in HOSTS),
    ],
)
def test_several_devices_equal_one(n_devices, host):
    hosts = tuple(SLOW if host in SLOW else HOSTS)
    one, several = (run(n, hosts)[host] for n in (1, n_devices))
    # Sums over parts of a batch against one sum over the batch, in float32.
    close = {"rtol": 1e-6, "atol": 1e-6}
    for kernel, expected in zip(several["weights"], one["weights"], strict=True):
        np.testing.assert_allclose(kernel, expected, **close)
    assert set(several["history"]) == set(one["history"])
    for name, values in one["history"].items():
        np.testing.assert_allclose(several["history"][name], values, **close, err_msg=name)
    for name, value in one["evaluated"].items():
        np.testing.assert_allclose(several["evaluated"][name], value, **close, err_msg=name)
