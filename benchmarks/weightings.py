"""Step time of each weighting against plain Keras, as ratios of medians.

For 2, 8 and 32 outputs: `compile(loss=dict)` of plain Keras and `MultiLossModel` under each
rule train the same network on the same batches in one process, in turn, so that a change of
the machine's speed meets all of them. Run it with `make bench`.
"""

import statistics

import keras
import numpy as np
from rich.console import Console
from rich.table import Table
from step_time import BATCH, FEATURES, N_STEPS, fitter, network, seconds

import keras_multiloss as kml

N_ROUNDS = 11
OUTPUTS = (2, 8, 32)
RULES = {
    "none": None,
    "static": "static",
    "uncertainty": "uncertainty",
    "dynamic_weight_average": "dynamic_weight_average",
    "famo": "famo",
    "geometric_mean": "geometric_mean",
    "random_loss": "random_loss",
    "relobralo": "relobralo",
}


def trainers(n_outputs):
    """A function that runs some steps for plain Keras and for each rule."""
    rng = np.random.default_rng(0)
    names = [f"y{i}" for i in range(n_outputs)]
    x = rng.normal(size=(BATCH * N_STEPS, FEATURES)).astype("float32")
    y = {name: rng.normal(size=(len(x), 1)).astype("float32") for name in names}
    plain = network(n_outputs)
    plain.compile("sgd", loss=dict.fromkeys(names, "mse"))
    found = {"plain": fitter(plain, (x, y))}
    for rule, weighting in RULES.items():
        terms = [kml.LossTerm("mse", name) for name in names]
        model = kml.MultiLossModel.from_model(network(n_outputs))
        model.compile("sgd", loss=kml.WeightedSumLoss(terms, weighting=weighting))
        found[rule] = fitter(model, (x, y))
    return found


def medians(runs):
    """The median seconds of a step, the runs taken in turn."""
    for run in runs.values():
        run()  # which traces
    times = {name: [] for name in runs}
    for _ in range(N_ROUNDS):
        for name, run in runs.items():
            times[name].append(seconds(run) / N_STEPS)
    return {name: statistics.median(values) for name, values in times.items()}


def main():
    found = {n_outputs: medians(trainers(n_outputs)) for n_outputs in OUTPUTS}
    table = Table(title=f"Step time under a weighting / plain Keras, {keras.backend.backend()}")
    table.add_column("weighting")
    for n_outputs in OUTPUTS:
        plain = 1000 * found[n_outputs]["plain"]
        table.add_column(f"{n_outputs} outputs\n(plain {plain:.2f} ms)", justify="right")
    for rule in RULES:
        ratios = (median[rule] / median["plain"] for median in found.values())
        table.add_row(rule, *(f"{ratio:.2f}" for ratio in ratios))
    Console().print(table)


if __name__ == "__main__":
    main()
