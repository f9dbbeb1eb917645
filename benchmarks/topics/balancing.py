"""Balanced gradients: the layer and exact mode, beside training that does not balance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

import keras_multiloss as kml
from benchmarks.by_hand import ByHand
from benchmarks.networks import names_of, total_loss, warm_up, with_keras, with_ours
from benchmarks.timing import Case, Size, interleaved
from benchmarks.training import Fit

if TYPE_CHECKING:
    from collections.abc import Iterator

PEERS = ("compile(loss=dict)", "tape by hand")
RULE = "upgrad"
HEAD = 64  # units of the hidden layer of a task
BATCHES = {"MLP": 1024, "CNN": 64}
SHAPES = {"MLP": (256,), "CNN": (32, 32, 3)}
#: Multiples of the 8 steps after which the weights of the rule are computed anew.
N_STEPS = {"MLP": 33, "CNN": 9}
CASES = (("MLP", 8), ("CNN", 2), ("CNN", 8))


def cases(size: Size) -> Iterator[Case]:
    warm_up()
    for kind, n_tasks in numbers_of_tasks(size):
        keras.backend.clear_session()
        runs = ways(kind, n_tasks)
        for run in runs.values():
            run()
        yield Case.of(f"{kind}, {n_tasks} tasks", interleaved(runs, size.seconds), PEERS)


def numbers_of_tasks(size: Size) -> tuple[tuple[str, int], ...]:
    """On JAX, whose convolutions take several times as long on a CPU, without two tasks."""
    if size.reduced:
        return CASES[-1:]
    return CASES if keras.backend.backend() == "tensorflow" else (CASES[0], CASES[-1])


def ways(kind: str, n_tasks: int) -> dict[str, Any]:
    x, y = data(kind, n_tasks)
    mean_squares, loss = dict.fromkeys(y, "mse"), total_loss(n_tasks)
    models = {
        "compile(loss=dict)": with_keras(network(kind, n_tasks), mean_squares),
        "balancer": with_keras(network(kind, n_tasks, balances=True), mean_squares),
        "exact (1)": with_ours(network(kind, n_tasks), loss, aggregator=RULE),
        "exact (8)": with_ours(network(kind, n_tasks), loss, aggregator=RULE, every_n_steps=8),
    }
    runs: dict[str, Any] = {
        way: Fit(model, x, y, batch_size=BATCHES[kind]) for way, model in models.items()
    }
    if keras.backend.backend() == "tensorflow":
        runs["tape by hand"] = ByHand(tape_by_hand(network(kind, n_tasks)), x, y, BATCHES[kind])
    return runs


def data(kind: str, n_tasks: int) -> tuple[Any, dict[str, Any]]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(BATCHES[kind] * N_STEPS[kind], *SHAPES[kind])).astype("float32")
    return x, {n: rng.normal(size=(len(x), 1)).astype("float32") for n in names_of(n_tasks)}


def mlp(x: Any) -> Any:
    for _ in range(3):
        x = keras.layers.Dense(256, activation="relu")(x)
    return x


def cnn(x: Any) -> Any:
    for n_filters in (32, 64, 64):
        x = keras.layers.Conv2D(n_filters, 3, padding="same", activation="relu")(x)
        x = keras.layers.MaxPooling2D()(x)
    return keras.layers.Dense(128, activation="relu")(keras.layers.Flatten()(x))


TRUNKS = {"MLP": mlp, "CNN": cnn}


def network(kind: str, n_tasks: int, *, balances: bool = False) -> Any:
    names = names_of(n_tasks)
    x = keras.Input(SHAPES[kind])
    features = TRUNKS[kind](x)
    shared = dict.fromkeys(names, features)
    if balances:
        shared = kml.GradientBalancer(names, RULE)(features)
    hidden = {n: keras.layers.Dense(HEAD, activation="relu")(shared[n]) for n in names}
    return keras.Model(x, {n: keras.layers.Dense(1, name=n)(hidden[n]) for n in names})


def tape_by_hand(model: Any) -> Any:
    """A step on TensorFlow with one backward pass for each task, as one writes it without us."""
    import tensorflow as tf

    model.compile("sgd")
    variables, rule = model.trainable_variables, kml.aggregation.get(RULE)

    @tf.function(jit_compile=model.jit_compile)
    def step(x: Any, y: Any) -> Any:
        with tf.GradientTape(persistent=True) as tape:
            outputs = model(x, training=True)
            losses = [tf.reduce_mean(tf.square(outputs[n] - y[n])) for n in y]
        by_task = [tape.gradient(loss, variables) for loss in losses]
        model.optimizer.apply(joined(by_task), variables)
        return tf.add_n(losses)

    def joined(by_task: Any) -> Any:
        """The gradients of shared variables balanced, those of a head as they are."""
        by_variable = [[g for g in found if g is not None] for found in zip(*by_task, strict=True)]
        shared = [i for i, found in enumerate(by_variable) if len(found) > 1]
        rows = [
            tf.concat([tf.reshape(by_variable[i][task], [-1]) for i in shared], 0)
            for task in range(len(by_task))
        ]
        sizes = [variables[i].value.shape.num_elements() for i in shared]
        pieces = dict(zip(shared, tf.split(rule(tf.stack(rows)), sizes), strict=True))
        return [
            tf.reshape(pieces[i], found[0].shape) if i in pieces else found[0]
            for i, found in enumerate(by_variable)
        ]

    model.optimizer.build(variables)
    return step
