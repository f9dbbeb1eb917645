"""Fixtures of the whole suite."""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run side by side, one to a core
# Programs run once or twice here: what counts is how fast XLA compiles them.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / ".jax_cache"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")

import contextlib

import numpy as np
import pytest

from keras_multiloss._platform import KERAS_3, keras
from tests.fresh import FreshProcess
from tests.lanes import never_runs, out_of_sample

#: Garbage is left to Python: to collect it takes Keras 3 half a second for each test.
SESSION = {"free_memory": False} if KERAS_3 else {}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Leave out what never runs in this lane, and mark as slow what no sample of it needs."""
    config.hook.pytest_deselected(items=[item for item in items if never_runs(item)])
    items[:] = [item for item in items if not never_runs(item)]
    for item in out_of_sample(items):
        item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def _seed() -> None:
    keras.backend.clear_session(**SESSION)
    keras.utils.set_random_seed(7)


@pytest.fixture(scope="session")
def fresh_process():
    """A process with only `import keras_multiloss`, which loads what a test saved."""
    process = FreshProcess()
    yield process
    process.close()


@pytest.fixture(scope="session")
def bare_process():
    """A process in which keras_multiloss cannot be imported."""
    process = FreshProcess(has_library=False)
    yield process
    process.close()


@pytest.fixture
def model_path(tmp_path: Path) -> Path:
    return tmp_path / "model.keras"


@contextlib.contextmanager
def under_policy(policy):
    """A block in which layers are made under a dtype policy."""
    old = keras.config.dtype_policy() if KERAS_3 else keras.mixed_precision.global_policy()
    apply = keras.config.set_dtype_policy if KERAS_3 else keras.mixed_precision.set_global_policy
    apply(policy)
    try:
        yield
    finally:
        apply(old)


def variable(value):
    """A variable of the Keras of the lane."""
    return keras.Variable(value) if KERAS_3 else keras.backend.variable(value)


def two_heads(*, as_list: bool = False, **age_arguments):
    """A functional model with outputs `age` (linear) and `sex` (a probability)."""
    x = keras.Input((3,), name="x")
    hidden = keras.layers.Dense(4, activation="tanh", name="hidden")(x)
    age = keras.layers.Dense(1, name="age", **age_arguments)(hidden)
    sex = keras.layers.Dense(1, activation="sigmoid", name="sex")(hidden)
    return keras.Model(x, [age, sex] if as_list else {"age": age, "sex": sex})


def two_heads_data(n: int = 24):
    """Inputs, and labels `age` and `sex`, for `two_heads`."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(n, 3)).astype("float32")
    age = rng.normal(size=(n, 1)).astype("float32")
    sex = rng.integers(0, 2, size=(n, 1)).astype("float32")
    return x, {"age": age, "sex": sex}
