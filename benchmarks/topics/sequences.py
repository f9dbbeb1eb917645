"""Tags of sequences, of which some are missing or padding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

import keras_multiloss as kml
from benchmarks.by_hand import ByHand, step_by_hand
from benchmarks.networks import N_STEPS, names_of, warm_up, with_keras, with_ours
from benchmarks.timing import Case, Size, interleaved
from benchmarks.training import Fit

if TYPE_CHECKING:
    from collections.abc import Iterator

BATCH, LENGTH, N_CLASSES, N_WORDS = 32, 40, 5, 1000
TAGS = names_of(8)
PEERS = ("compile(loss=dict)", "by hand", "floor")
LOSS = "sparse_categorical_crossentropy"


def cases(size: Size) -> Iterator[Case]:
    warm_up()
    for name, ways in {"labels of -1": with_missing_labels, "padding": with_padding}.items():
        runs = ways()
        for run in runs.values():
            run()
        yield Case.of(f"step, {name}", interleaved(runs, size.seconds), PEERS)


def with_missing_labels() -> dict[str, Any]:
    x, y = data()
    y = {name: np.where(x == 0, -1, label) for name, label in y.items()}
    ignoring = keras.losses.SparseCategoricalCrossentropy(ignore_class=-1)
    loss = kml.WeightedSumLoss([kml.LossTerm(LOSS, name, mask=-1) for name in TAGS])
    floor = with_keras(network(joined=True), {"tags": ignoring})
    together = {"tags": np.stack([*y.values()], axis=-1).reshape(len(x), -1)}
    return {
        **compared(network, x, y, dict.fromkeys(TAGS, ignoring), loss),
        "by hand": ByHand(step_by_hand(network(), total), x, y, BATCH),
        "floor": Fit(floor, x, together, batch_size=BATCH),
    }


def with_padding() -> dict[str, Any]:
    x, y = data()
    loss = kml.WeightedSumLoss([kml.LossTerm(LOSS, name) for name in TAGS])
    return compared(lambda: network(mask_zero=True), x, y, dict.fromkeys(TAGS, LOSS), loss)


def compared(network: Any, x: Any, y: Any, losses: Any, loss: Any) -> dict[str, Any]:
    options = {"batch_size": BATCH, "n_logs": len(TAGS) + 1}
    return {
        "compile(loss=dict)": Fit(with_keras(network(), losses), x, y, **options),
        "ours": Fit(with_ours(network(), loss), x, y, **options),
    }


def data() -> tuple[Any, dict[str, Any]]:
    """Words, of which 0 is padding at the end, and the tags of each."""
    rng = np.random.default_rng(0)
    shape = (BATCH * N_STEPS, LENGTH)
    x = rng.integers(1, N_WORDS, shape, "int32")
    x[np.arange(LENGTH) >= rng.integers(LENGTH // 2, LENGTH + 1, (len(x), 1))] = 0
    return x, {name: rng.integers(0, N_CLASSES, shape, "int32") for name in TAGS}


def network(*, joined: bool = False, mask_zero: bool = False) -> Any:
    x = keras.Input((LENGTH,), dtype="int32", name="x")
    hidden = keras.layers.Embedding(N_WORDS, 32, mask_zero=mask_zero)(x)
    hidden = keras.layers.Dense(32, activation="relu")(hidden)
    if not joined:
        units = {"units": N_CLASSES, "activation": "softmax"}
        return keras.Model(x, {n: keras.layers.Dense(**units, name=n)(hidden) for n in TAGS})
    tags = keras.layers.Dense(len(TAGS) * N_CLASSES)(hidden)
    tags = keras.layers.Reshape((LENGTH * len(TAGS), N_CLASSES))(tags)
    return keras.Model(x, {"tags": keras.layers.Softmax(name="tags")(tags)})


def total(y: Any, outputs: Any) -> Any:
    return sum(mean_of_labelled(label, outputs[name]) for name, label in y.items())


def mean_of_labelled(label: Any, output: Any) -> Any:
    ops = keras.ops
    is_there = ops.cast(label != -1, "float32")
    values = ops.sparse_categorical_crossentropy(ops.maximum(label, 0), output)
    return ops.sum(values * is_there) / ops.sum(is_there)
