"""How much memory a step of exact mode holds at its peak, on PyTorch."""

import weakref

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras
from tests.lanes import BACKEND

pytestmark = pytest.mark.skipif(BACKEND != "torch", reason="tells the tensors of PyTorch apart")

TASKS = ["a", "b", "c", "d"]

#: Times the peak of a plain step, besides the gradients of the tasks. A graph that serves further
#: passes is not freed on the way.
MARGIN = 1.3


def network():
    keras.utils.set_random_seed(3)
    x = keras.Input((16, 16, 3), name="x")
    features = x
    for n_filters in (16, 32):
        features = keras.layers.Conv2D(n_filters, 3, padding="same", activation="relu")(features)
        features = keras.layers.MaxPooling2D()(features)
    features = keras.layers.Dense(32, activation="relu")(keras.layers.Flatten()(features))
    return kml.MultiLossModel(x, {t: keras.layers.Dense(1, name=t)(features) for t in TASKS})


def peak_of(model, data):
    """The greatest number of bytes that the tensors made in a training step hold at once."""
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    class Counting(TorchDispatchMode):
        def __init__(self):
            super().__init__()
            self.known, self.now, self.peak = set(), 0, 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            found = func(*args, **(kwargs or {}))
            for tensor in tree_leaves(found):
                if hasattr(tensor, "untyped_storage"):
                    self.note(tensor.untyped_storage())
            return found

        def note(self, storage):
            key, size = storage._cdata, storage.nbytes()
            if key not in self.known:
                self.known.add(key)
                self.now += size
                self.peak = max(self.peak, self.now)
                weakref.finalize(storage, self.forget, key, size)

        def forget(self, key, size):
            self.known.discard(key)
            self.now -= size

    model.train_on_batch(*data)  # which makes the variables of optimizer and log
    with Counting() as counting:
        model.train_on_batch(*data)
    assert counting.now < 0.1 * counting.peak, "storages die when the step does"
    return counting.peak


def compiled(**options):
    model = network()
    model.compile("sgd", loss=sum(kml.LossTerm("mse", t) for t in TASKS), **options)
    return model


def data(n=128):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 16, 16, 3)).astype("float32")
    return x, {t: rng.normal(size=(n, 1)).astype("float32") for t in TASKS}


@pytest.mark.parametrize("every_n_steps", [1, 2])
def test_exact_mode_holds_a_plain_step_and_the_gradients_of_the_tasks(every_n_steps):
    plain = compiled()
    balanced = compiled(aggregator="upgrad", every_n_steps=every_n_steps)
    gradients = 4 * len(TASKS) * sum(int(np.prod(v.shape)) for v in plain.trainable_variables)
    before = peak_of(plain, data())
    found = peak_of(balanced, data())
    # At least the outputs of both convolutions, before and after their activations.
    assert before > 2 * 4 * 128 * (16 * 16 * 16 + 8 * 8 * 32)
    assert found <= MARGIN * before + gradients
