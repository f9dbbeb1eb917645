"""Terms that are not alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

import keras_multiloss as kml
from benchmarks.by_hand import ByHand, step_by_hand
from benchmarks.networks import BATCH, FEATURES, N_STEPS, warm_up, with_keras, with_ours
from benchmarks.timing import Case, Size, interleaved, seconds_of
from benchmarks.training import Fit

if TYPE_CHECKING:
    from collections.abc import Iterator

PEERS = ("compile(loss=dict)", "by hand")
LOSSES = (
    "mean_squared_error",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_logarithmic_error",
    "huber",
    "log_cosh",
    "poisson",
    "kl_divergence",
    "cosine_similarity",
    "hinge",
    "squared_hinge",
    "categorical_hinge",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "binary_crossentropy",
    "binary_focal_crossentropy",
)
#: The units of the head of each loss.
UNITS = {loss: 2 + i % 4 for i, loss in enumerate(LOSSES)}


def cases(size: Size) -> Iterator[Case]:
    warm_up()
    runs = ways()
    first = {way: [seconds_of(run)] for way, run in runs.items()}
    yield Case.of("first epoch, 16 losses", first, PEERS, unit="s")
    yield Case.of("step, 16 losses", interleaved(runs, size.seconds), PEERS)


def ways() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(BATCH * N_STEPS, FEATURES)).astype("float32")
    y = {loss: rng.dirichlet(np.ones(n), len(x)).astype("float32") for loss, n in UNITS.items()}
    loss = kml.WeightedSumLoss([kml.LossTerm(loss, loss) for loss in LOSSES])
    plain = with_keras(network(), {loss: loss for loss in LOSSES})
    options = {"batch_size": BATCH, "n_logs": len(LOSSES) + 1}
    return {
        "compile(loss=dict)": Fit(plain, x, y, **options),
        "ours": Fit(with_ours(network(), loss), x, y, **options),
        "by hand": ByHand(step_by_hand(network(), total), x, y, BATCH),
    }


def network() -> Any:
    x = keras.Input((FEATURES,), name="x")
    hidden = keras.layers.Dense(128, activation="relu")(x)
    outputs = {
        loss: keras.layers.Dense(n, activation="softmax", name=loss)(hidden)
        for loss, n in UNITS.items()
    }
    return keras.Model(x, outputs)


def total(y: Any, outputs: Any) -> Any:
    found = {loss: keras.losses.get(loss)(y[loss], outputs[loss]) for loss in LOSSES}
    return sum(keras.ops.mean(values) for values in found.values())
