"""Which lane this process is, and named marks for what a lane cannot do."""

import importlib.util

import pytest

from keras_multiloss._platform import HAS_OPTIONAL_INPUTS, KERAS_3, backend, keras

BACKEND = backend()
VERSION = tuple(int(part) for part in keras.__version__.split(".")[:2])


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
    BACKEND == "jax", reason="Keras on JAX lets no layer log; callbacks.TermLogs does it there"
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
    BACKEND == "jax", reason="on JAX a function is traced for each task, and XLA makes the passes"
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
