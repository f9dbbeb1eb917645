"""Step time and first step of each weighting, as ratios to the plain sum.

Eight outputs of one unit on two hidden layers of 128, batches of 64, Adam: a step of 1 to 3 ms, of
which every operation of a rule is a visible part. `MultiLossModel` trains the same network on the
same batches under each rule, in one process and in turns of random order, so that a change of the
machine's speed meets all of them. The plain sum is measured twice: the second row shows how far
apart two equal models are. Run it with `make bench`.
"""

import functools
import random
import statistics

import keras
import numpy as np
from rich.console import Console
from rich.table import Table
from step_time import BATCH, FEATURES, seconds

import keras_multiloss as kml

N_OUTPUTS, N_ROUNDS = 8, 300
NAMES = [f"y{i}" for i in range(N_OUTPUTS)]
RAMP = keras.optimizers.schedules.PolynomialDecay(0.0, 1000, 1.0)
RULES = {
    "plain sum": None,
    "plain sum again": None,
    "static": "static",
    "scheduled": kml.weighting.ScheduledWeighting({"y0": RAMP}),
    "dynamic_weight_average": "dynamic_weight_average",
    "famo": "famo",
    "geometric_mean": "geometric_mean",
    "impartial_loss": "impartial_loss",
    "log of static": kml.weighting.LogTransform("static"),
    "random_loss": "random_loss",
    "relobralo": "relobralo",
    "residual_norm": "residual_norm",
    "smooth_tchebycheff": "smooth_tchebycheff",
    "soft_adapt": "soft_adapt",
    "uncertainty": "uncertainty",
}


def network():
    hidden = x = keras.Input((FEATURES,), name="x")
    for _ in range(2):
        hidden = keras.layers.Dense(128, activation="relu")(hidden)
    return keras.Model(x, {name: keras.layers.Dense(1, name=name)(hidden) for name in NAMES})


def trainers():
    """A function that trains on a batch, for each rule."""
    rng = np.random.default_rng(0)
    x = keras.ops.convert_to_tensor(rng.normal(size=(BATCH, FEATURES)).astype("float32"))
    labels = rng.normal(size=(N_OUTPUTS, BATCH, 1)).astype("float32")
    y = dict(zip(NAMES, map(keras.ops.convert_to_tensor, labels), strict=True))
    found = {}
    for rule, weighting in RULES.items():
        terms = [kml.LossTerm("mse", name) for name in NAMES]
        model = kml.MultiLossModel.from_model(network())
        model.compile("adam", loss=kml.WeightedSumLoss(terms, weighting=weighting))
        found[rule] = functools.partial(model.train_on_batch, x, y)
    return found


def medians(runs):
    """The median seconds of a step, the runs taken in turn."""
    times = {name: [] for name in runs}
    for _ in range(N_ROUNDS):
        for name in random.sample(list(runs), len(runs)):
            times[name].append(seconds(runs[name]))
    return {name: statistics.median(values) for name, values in times.items()}


def main():
    seconds(trainers()["plain sum"])  # what a process does only once
    runs = trainers()
    first = {name: seconds(run) for name, run in runs.items()}  # which traces
    step = medians(runs)
    plain_step, plain_first = step.pop("plain sum"), first.pop("plain sum")
    table = Table(
        title=f"A weighting of {N_OUTPUTS} terms / their plain sum, {keras.backend.backend()}"
    )
    table.add_column("weighting")
    table.add_column(f"step\n({1000 * plain_step:.2f} ms)", justify="right")
    table.add_column(f"first step\n({plain_first:.1f} s)", justify="right")
    for rule, value in step.items():
        ratios = value / plain_step, first[rule] / plain_first
        table.add_row(rule, *(f"{ratio:.2f}" for ratio in ratios))
    Console().print(table)


if __name__ == "__main__":
    main()
