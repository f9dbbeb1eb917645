"""Each rule of `kml.weighting`, beside constant weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras

import keras_multiloss as kml
from benchmarks.networks import (
    BATCH,
    data,
    names_of,
    network,
    total_loss,
    warm_up,
    with_keras,
    with_ours,
)
from benchmarks.timing import Case, Size, interleaved
from benchmarks.training import Fit

if TYPE_CHECKING:
    from collections.abc import Iterator

N_TERMS = 8
PEERS = ("constant weights", "compile(loss=dict)")
RULES = (
    "static",
    "uncertainty",
    "impartial_loss",
    "dynamic_weight_average",
    "famo",
    "geometric_mean",
    "random_loss",
    "relobralo",
    "residual_norm",
    "smooth_tchebycheff",
    "soft_adapt",
)
#: With `reduced`: the rule that does the most, and one that does little.
SOME_RULES = ("famo", "uncertainty")


def cases(size: Size) -> Iterator[Case]:
    warm_up()
    runs = ways(size)
    for run in runs.values():
        run()
    # A round goes through many ways.
    seconds = size.seconds * len(runs) / 4
    yield Case.of(f"step, {N_TERMS} heads", interleaved(runs, seconds), PEERS)


def ways(size: Size) -> dict[str, Any]:
    x, y = data(N_TERMS)
    rules: dict[str, Any] = {rule: rule for rule in (SOME_RULES if size.reduced else RULES)}
    if not size.reduced:
        rules |= others()
    models = {
        "constant weights": with_ours(network(N_TERMS), total_loss(N_TERMS)),
        "compile(loss=dict)": with_keras(network(N_TERMS), dict.fromkeys(y, "mse")),
    }
    for name, rule in rules.items():
        models[name] = with_ours(network(N_TERMS), total_loss(N_TERMS, weighting=rule))
    return {way: Fit(model, x, y, batch_size=BATCH) for way, model in models.items()}


def others() -> dict[str, Any]:
    """Rules that have no name, as they need arguments."""
    schedule = keras.optimizers.schedules.ExponentialDecay(1.0, 100, 0.9)
    return {
        "scheduled": kml.weighting.ScheduledWeighting({names_of(1)[0]: schedule}),
        "log_transform": kml.weighting.LogTransform("uncertainty"),
    }
