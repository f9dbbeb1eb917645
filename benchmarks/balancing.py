"""Step time of gradient balancing against plain training, as ratios of medians.

For 2, 4 and 8 tasks on a shared trunk, an MLP or a CNN: plain Keras against `GradientBalancer`,
and `MultiLossModel` without an aggregator against exact mode. All train the same network on
the same batches in one process, in turn, so that a change of the machine's speed meets all of
them. Run it with `make bench-balancing`, or as `python benchmarks/balancing.py [mlp] [cnn]`.
"""

import sys

import keras
import numpy as np
from rich.console import Console
from rich.table import Table
from step_time import fitter
from weightings import N_STEPS, medians

import keras_multiloss as kml

RULE = "upgrad"
TASKS = (2, 4, 8)
HEAD = 64  # units of the hidden layer of a task
BATCHES = {"mlp": 1024, "cnn": 64}
SHAPES = {"mlp": (256,), "cnn": (32, 32, 3)}


def mlp(x):
    for _ in range(3):
        x = keras.layers.Dense(256, activation="relu")(x)
    return x


def cnn(x):
    for n_filters in (32, 64, 64):
        x = keras.layers.Conv2D(n_filters, 3, padding="same", activation="relu")(x)
        x = keras.layers.MaxPooling2D()(x)
    return keras.layers.Dense(128, activation="relu")(keras.layers.Flatten()(x))


TRUNKS = {"mlp": mlp, "cnn": cnn}


def network(kind, names, *, balances=False):
    x = keras.Input(SHAPES[kind])
    features = TRUNKS[kind](x)
    shared = dict.fromkeys(names, features)
    if balances:
        shared = kml.GradientBalancer(names, RULE)(features)
    hidden = {name: keras.layers.Dense(HEAD, activation="relu")(shared[name]) for name in names}
    return keras.Model(x, {name: keras.layers.Dense(1, name=name)(hidden[name]) for name in names})


def trainers(kind, n_tasks):
    """A function that runs some steps for each way to train."""
    rng = np.random.default_rng(0)
    names = [f"y{i}" for i in range(n_tasks)]
    x = rng.normal(size=(BATCHES[kind] * N_STEPS, *SHAPES[kind])).astype("float32")
    y = {name: rng.normal(size=(len(x), 1)).astype("float32") for name in names}
    loss = kml.WeightedSumLoss([kml.LossTerm("mse", name) for name in names])

    plain = network(kind, names)
    plain.compile("sgd", loss=dict.fromkeys(names, "mse"))
    balancer = network(kind, names, balances=True)
    balancer.compile("sgd", loss=dict.fromkeys(names, "mse"))
    total = kml.MultiLossModel.from_model(network(kind, names))
    total.compile("sgd", loss=loss)
    exact = kml.MultiLossModel.from_model(network(kind, names))
    exact.compile("sgd", loss=loss, aggregator=RULE)
    models = {"plain": plain, "balancer": balancer, "total": total, "exact": exact}
    return {way: fitter(model, (x, y), BATCHES[kind]) for way, model in models.items()}


def main(kinds):
    table = Table(title=f"Step time of {RULE} / without balancing, {keras.backend.backend()}")
    for column in ("trunk", "tasks", "plain ms", "GradientBalancer", "exact mode"):
        table.add_column(column, justify="right")
    for kind in kinds:
        for n_tasks in TASKS:
            median = medians(trainers(kind, n_tasks))
            table.add_row(
                kind,
                str(n_tasks),
                f"{1000 * median['plain']:.1f}",
                f"{median['balancer'] / median['plain']:.2f}",
                f"{median['exact'] / median['total']:.2f}",
            )
    Console().print(table)


if __name__ == "__main__":
    main(sys.argv[1:] or TRUNKS)
