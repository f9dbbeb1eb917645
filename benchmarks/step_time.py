"""Step time of both hosts against plain Keras, as ratios of medians.

For 2, 8, 32 and 64 outputs: `compile(loss=dict)` of plain Keras, `MultiLossModel` and
`WeightedSumLossLayer` train the same network on the same batches in one process, in turn,
so that a change of the machine's speed meets all three. Run it with `make bench`.
"""

import statistics
import time

import keras
import numpy as np
from rich.console import Console
from rich.table import Table

import keras_multiloss as kml

BATCH, FEATURES, N_STEPS, N_ROUNDS = 64, 64, 20, 15


def network(n_outputs):
    x = keras.Input((FEATURES,), name="x")
    hidden = keras.layers.Dense(128, activation="relu")(x)
    names = [f"y{i}" for i in range(n_outputs)]
    return keras.Model(x, {name: keras.layers.Dense(1, name=name)(hidden) for name in names})


def hosts(n_outputs):
    """The three trainers by name, each a function that runs some steps."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(BATCH * N_STEPS, FEATURES)).astype("float32")
    names = [f"y{i}" for i in range(n_outputs)]
    y = {name: rng.normal(size=(len(x), 1)).astype("float32") for name in names}
    loss = kml.WeightedSumLoss([kml.LossTerm("mse", name) for name in names])

    plain = network(n_outputs)
    plain.compile("sgd", loss=dict.fromkeys(names, "mse"))
    model = kml.MultiLossModel.from_model(network(n_outputs))
    model.compile("sgd", loss=loss)
    layer = kml.attach_losses(network(n_outputs), loss)
    layer.compile("sgd")
    inputs = {"x": x, **{f"{name}_label": label for name, label in y.items()}}
    data = {"plain": (plain, (x, y)), "model": (model, (x, y)), "layer": (layer, (inputs,))}
    return {name: fitter(*pair) for name, pair in data.items()}


def fitter(model, data, batch_size=BATCH):
    options = {"batch_size": batch_size, "shuffle": False, "verbose": 0}
    return lambda: model.fit(*data, **options)


def seconds(run):
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main():
    table = Table(title=f"Step time and first step, {keras.backend.backend()}")
    for column in ("outputs", "plain ms", "model / plain", "layer / plain"):
        table.add_column(column, justify="right")
    table.add_column("first fit: plain s", justify="right")
    table.add_column("model / plain", justify="right")
    table.add_column("layer / plain", justify="right")
    for n_outputs in (2, 8, 32, 64):
        runs = hosts(n_outputs)
        first = {name: seconds(run) for name, run in runs.items()}
        times = {name: [] for name in runs}
        for _ in range(N_ROUNDS):
            for name, run in runs.items():
                times[name].append(seconds(run) / N_STEPS)
        median = {name: statistics.median(values) for name, values in times.items()}
        table.add_row(
            str(n_outputs),
            f"{1000 * median['plain']:.2f}",
            *(f"{median[name] / median['plain']:.2f}" for name in ("model", "layer")),
            f"{first['plain']:.1f}",
            *(f"{first[name] / first['plain']:.2f}" for name in ("model", "layer")),
        )
    Console().print(table)


if __name__ == "__main__":
    main()
