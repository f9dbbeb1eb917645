"""The way from Keras's training step to a loss's own `call`, and what a step leaves behind."""

import gc
import traceback

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras, ops
from tests.conftest import two_heads, two_heads_data
from tests.lanes import needs_jax_backend, needs_torch_backend

#: What CONTRIBUTING promises.
MAX_FRAMES = 6


@keras.saving.register_keras_serializable(package="tests")
class Traced(kml.JointLoss):
    """Notes which frames of this library lie between Keras and its `call`."""

    ways: list = []

    def call(self, y_true, y_pred):
        stack = traceback.extract_stack()[:-1]
        start = max((i for i, f in enumerate(stack) if f.name == "train_step"), default=0)
        Traced.ways.append([f"{f.name}" for f in stack[start:] if "keras_multiloss/" in f.filename])
        return ops.mean(ops.square(y_true - y_pred), axis=-1)


def traced_way(model, data):
    Traced.ways.clear()
    model.fit(*data, verbose=0)
    return Traced.ways[-1]


def test_the_way_in_the_model_is_short():
    x, y = two_heads_data()
    model = kml.MultiLossModel.from_model(two_heads())
    model.compile("sgd", loss=kml.LossTerm(Traced(), "age") + kml.LossTerm("mse", "sex"))
    way = traced_way(model, (x, y))
    assert len(way) <= MAX_FRAMES, way
    assert way[-5:] == ["compute_loss", "take_step", "blocks", "evaluated", "evaluate"]


def test_the_way_in_the_layer_is_short():
    x, y = two_heads_data()
    loss = kml.LossTerm(Traced(), "age") + kml.LossTerm("mse", "sex")
    model = kml.attach_losses(two_heads(), loss, {"age": {"shape": (1,), "dtype": "float32"}})
    model.compile("sgd")
    way = traced_way(model, ({"x": x, "age_label": y["age"], "sex_label": y["sex"]},))
    assert len(way) <= MAX_FRAMES, way
    assert way[-4:] == ["take_step", "blocks", "evaluated", "evaluate"]


AGGREGATORS = pytest.mark.parametrize(
    ("aggregator", "every_n_steps"),
    [(None, 1), ("upgrad", 1), ("upgrad", 2), ("grad_vac", 1), ("db_mtl", 1)],
)


def trained(aggregator=None, every_n_steps=1, weighting="uncertainty", **network):
    x, y = two_heads_data()
    model = kml.MultiLossModel.from_model(two_heads(**network))
    loss = kml.WeightedSumLoss(
        [kml.LossTerm("mse", "age"), kml.LossTerm("mae", "sex")], weighting=weighting
    )
    model.compile("sgd", loss=loss, aggregator=aggregator, every_n_steps=every_n_steps)
    model.fit(x, y, batch_size=8, verbose=0)
    return model


@needs_jax_backend
@AGGREGATORS
def test_no_tracer_outlives_fit(aggregator, every_n_steps):
    import jax

    model = trained(aggregator, every_n_steps)
    gc.collect()
    alive = [x for x in gc.get_objects() if isinstance(x, jax.core.Tracer)]
    held = [x for x in alive if _is_held_by(model, x)]
    assert held == []


def _is_held_by(model, x, depth=4):
    """Whether a model refers to an object, over a few objects in between."""
    front, seen = [x], {id(x)}
    for _ in range(depth):
        front = [r for r in gc.get_referrers(*front) if id(r) not in seen and r is not front]
        seen.update(map(id, front))
        if any(r is model or r is vars(model) for r in front):
            return True
    return False


@needs_torch_backend
@AGGREGATORS
def test_the_graph_of_a_step_dies_with_it(aggregator, every_n_steps):
    import torch

    model = trained(aggregator, every_n_steps)
    gc.collect()
    graphs = [t for t in gc.get_objects() if isinstance(t, torch.Tensor) and t.grad_fn is not None]
    assert graphs == []
    assert model.term_weights["age"] is not None


@needs_torch_backend
@AGGREGATORS
@pytest.mark.parametrize("weighting", [None, "uncertainty"])
def test_each_step_frees_its_graph_without_the_garbage_collector(
    aggregator, every_n_steps, weighting
):
    import torch

    class Counting(keras.callbacks.Callback):
        counts: list = []

        def on_train_batch_end(self, batch, logs=None):
            tensors = [t for t in gc.get_objects() if isinstance(t, torch.Tensor)]
            self.counts.append(sum(t.grad_fn is not None for t in tensors))

    x, y = two_heads_data()
    model = trained(aggregator, every_n_steps, weighting)
    counting = Counting()
    gc.collect()
    gc.disable()
    try:
        model.fit(x, y, batch_size=8, epochs=2, verbose=0, callbacks=[counting])
    finally:
        gc.enable()
    assert counting.counts == [0] * 6


def test_a_step_cannot_be_changed():
    from keras_multiloss.engine import Step

    step = Step(["a"], *(ops.ones((1,)) for _ in range(4)))
    with pytest.raises(AttributeError):
        step.weights = np.zeros(1)
    assert float(step.total) == 1.0
