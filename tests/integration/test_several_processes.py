"""Two processes train as one, where Keras or PyTorch lets them."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.lanes import needs_keras_2, needs_torch_backend

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize(
    "way",
    [
        pytest.param("workers", marks=needs_keras_2),
        pytest.param("ranks", marks=needs_torch_backend),
    ],
)
def test_two_processes_equal_one(way):
    command = [sys.executable, "-m", "tests.integration.several_processes", way]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.splitlines()[-1]) < 1e-6
