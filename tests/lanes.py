"""Which lane this process is, and named marks for what a lane cannot do."""

import collections
import importlib.util
import math
import random
import zlib

import pytest

from keras_multiloss._platform import HAS_OPTIONAL_INPUTS, KERAS_3, backend, keras

BACKEND = backend()
VERSION = tuple(int(part) for part in keras.__version__.split(".")[:2])

#: CI runs all cases of all tests in the default lane, and elsewhere a sample.
RUNS_ALL_CASES = KERAS_3 and VERSION > (3, 7) and BACKEND == "tensorflow"

#: How many cases of a test are a sample elsewhere.
SAMPLE_SIZE = 2

#: How many of the quick tests of the maths: those of PyTorch, which are the fastest, run whole; the
#: lane of TensorFlow Addons has operations of its own, which Keras 2 lacks.
QUICK_SIZE = math.inf if BACKEND == "torch" else SAMPLE_SIZE
if importlib.util.find_spec("tensorflow_addons"):
    QUICK_SIZE = 4

#: These tests.
QUICK = ("tests.losses", "tests.evaluation", "tests.platform", "tests.saving", "tests.spec")

#: A lane that differs from another one by the version of Keras or TensorFlow only: CI runs one case
#: of each test there, and of what another lane runs on the same operations, one test in three.
#: `make test-slow` runs the others.
IS_NEAR_ANOTHER = VERSION == (3, 7) or (
    not KERAS_3 and not importlib.util.find_spec("tensorflow_addons")
)
MATHS = (
    *("tests.losses", "tests.evaluation", "tests.aggregation", "tests.weighting", "tests.spec"),
    *("tests.data", "tests.benchmarks"),
)


def never_runs(item):
    """Whether a mark skips a test in this lane whatever happens.

    So do the examples of docstrings where `import keras` is not the Keras in use, or pandas, which
    one of them makes a table with, is not there.
    """
    if isinstance(item, pytest.DoctestItem):
        needs_a_table = item.name.endswith("_report.report") and not _has("pandas")
        return needs_a_table or not keras.__name__.startswith("keras")
    return any(mark.args[0] is True for mark in item.iter_markers("skipif"))


def out_of_sample(items):
    """The cases of tests that CI leaves to `make test-slow`.

    `@pytest.mark.sample(n)` stands on a test whose cases take long: CI runs n of them, always
    the same.
    """
    cases_by_test = collections.defaultdict(list)
    for item in items:
        if isinstance(item, pytest.Function) and item.get_closest_marker("slow") is None:
            cases_by_test[item.parent, item.originalname].append(item)
    for (_, name), cases in cases_by_test.items():
        size = min(len(cases), _sample_size(cases[0]))
        if IS_NEAR_ANOTHER:
            is_maths = cases[0].module.__name__.startswith(MATHS)
            size = 0 if is_maths and zlib.crc32(name.encode()) % 3 else 1
        kept = random.Random(name).sample(cases, size)  # noqa: S311 (always the same)
        yield from (case for case in cases if case not in kept)


def _sample_size(item):
    mark = item.get_closest_marker("sample")
    size = math.inf if mark is None else mark.args[0]
    if RUNS_ALL_CASES:
        return size
    is_quick = item.module.__name__.startswith(QUICK)
    return min(size, QUICK_SIZE if is_quick else SAMPLE_SIZE)


def _has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


needs_tensorflow = pytest.mark.skipif(
    not _has("tensorflow"), reason="this lane has no TensorFlow (the torch lane)"
)
needs_tensorflow_backend = pytest.mark.skipif(
    BACKEND != "tensorflow", reason="tf.distribute and XLA flags exist on TensorFlow only"
)
needs_jax_backend = pytest.mark.skipif(BACKEND != "jax", reason="of programs of JAX")
needs_torch_backend = pytest.mark.skipif(BACKEND != "torch", reason="of tensors of PyTorch")
needs_graphs = pytest.mark.skipif(BACKEND == "torch", reason="PyTorch traces no step")
needs_unknown_shapes = pytest.mark.skipif(
    BACKEND != "tensorflow", reason="only TensorFlow traces tensors whose shape it does not know"
)
needs_addons = pytest.mark.skipif(
    not _has("tensorflow_addons"), reason="TensorFlow Addons imports in the addons lane only"
)
needs_keras_3 = pytest.mark.skipif(not KERAS_3, reason="Keras 2 does not have it")
needs_keras_2 = pytest.mark.skipif(KERAS_3, reason="of Keras 2 only")
needs_optional_inputs = pytest.mark.skipif(
    not HAS_OPTIONAL_INPUTS, reason="models take `None` for an input from Keras 3.10 on"
)
needs_predict_with_none = pytest.mark.skipif(
    VERSION < (3, 12), reason="`predict` takes `None` for an input from Keras 3.12 on"
)
needs_scaling_by_keras = pytest.mark.skipif(
    (3, 0) <= VERSION < (3, 8), reason="Keras scales losses by replicas from 3.8 on"
)
needs_steps_per_execution = pytest.mark.skipif(
    BACKEND == "torch" or VERSION == (3, 7),
    reason="PyTorch has it not; Keras 3.7 tells callbacks the first of the steps, not the last",
)
needs_layer_logs = pytest.mark.skipif(
    BACKEND == "jax", reason="with JAX, Keras layers record no metrics; callbacks.TermLogs does it"
)
needs_distillation = pytest.mark.skipif(
    not hasattr(keras, "distillation"), reason="keras.distillation came with Keras 3.12"
)
needs_penguins = pytest.mark.skipif(
    not _has("palmerpenguins"), reason="the penguins are installed in the default lane only"
)
needs_captcha = pytest.mark.skipif(
    not _has("captcha"), reason="the captchas are installed in the default lane only"
)
needs_statsmodels = pytest.mark.skipif(
    not _has("statsmodels"), reason="statsmodels is installed in the default lane only"
)
needs_pandas = pytest.mark.skipif(
    not _has("pandas"), reason="pandas is installed in the default lane only"
)
needs_matplotlib = pytest.mark.skipif(
    not _has("matplotlib"), reason="Matplotlib is installed in the default lane only"
)
needs_mypy = pytest.mark.skipif(
    not _has("mypy"), reason="mypy is installed in the default lane only"
)
needs_metric_learning = pytest.mark.skipif(
    not _has("pytorch_metric_learning"),
    reason="PyTorch Metric Learning is installed in the torch lane only",
)
needs_torchjd = pytest.mark.skipif(
    not _has("torchjd"), reason="TorchJD is installed in the torch lane only"
)
needs_tape = pytest.mark.skipif(
    BACKEND == "jax", reason="on JAX the passes are one program, which XLA makes"
)
both_mixed_policies = pytest.mark.parametrize(
    "policy",
    [
        pytest.param(
            "mixed_float16",
            marks=pytest.mark.skipif(
                BACKEND == "torch", reason="torch on the CPU has no float16 matrix products"
            ),
        ),
        "mixed_bfloat16",
    ],
)
