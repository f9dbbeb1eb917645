"""Terms that are alike: steps and first epochs."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from benchmarks.by_hand import ByHand, step_by_hand
from benchmarks.networks import (
    BATCH,
    data,
    network,
    squared_errors,
    total_loss,
    warm_up,
    with_keras,
    with_ours,
)
from benchmarks.timing import Case, Size, interleaved, seconds_of
from benchmarks.training import Fit

if TYPE_CHECKING:
    from collections.abc import Iterator

PEERS = ("compile(loss=dict)", "by hand", "floor")


def cases(size: Size) -> Iterator[Case]:
    warm_up()
    for n_heads in numbers_of_heads(size):
        runs: dict[str, Any] = {}
        first = collections.defaultdict(list)
        for _ in range(2 if n_heads <= 16 else 1):
            keras.backend.clear_session()
            runs = ways(n_heads)
            for way, run in runs.items():
                first[way].append(seconds_of(run))
        yield Case.of(f"first epoch, {n_heads} heads", first, PEERS, unit="s")
        yield Case.of(f"step, {n_heads} heads", interleaved(runs, size.seconds), PEERS)
        if n_heads == 16 and keras.backend.backend() != "torch":
            yield of_datasets(runs, size)


def numbers_of_heads(size: Size) -> tuple[int, ...]:
    """On PyTorch, which computes each head by itself, 256 take half a second for a step."""
    if size.reduced:
        return 3, 16
    return (3, 16, 64) if keras.backend.backend() == "torch" else (3, 16, 64, 256)


def ways(n_heads: int) -> dict[str, Any]:
    x, y = data(n_heads)
    plain = with_keras(network(n_heads), dict.fromkeys(y, "mse"))
    ours = with_ours(network(n_heads), total_loss(n_heads))
    floor = with_keras(network(n_heads, joined=True), {"y": "mse"})
    joined = {"y": np.concatenate([*y.values()], axis=1)}
    runs: dict[str, Any] = {
        "compile(loss=dict)": Fit(plain, x, y, batch_size=BATCH, n_logs=n_heads + 1),
        "ours": Fit(ours, x, y, batch_size=BATCH, n_logs=n_heads + 1),
        "floor": Fit(floor, x, joined, batch_size=BATCH),
    }
    if n_heads <= 64:
        runs["by hand"] = ByHand(step_by_hand(network(n_heads), squared_errors), x, y, BATCH)
    return runs


def of_datasets(runs: dict[str, Any], size: Size) -> Case:
    """The same models, with a `tf.data.Dataset` in place of arrays."""
    import tensorflow as tf

    fits = {way: run for way, run in runs.items() if isinstance(run, Fit)}
    sources = {way: tf.data.Dataset.from_tensor_slices(run.data) for way, run in fits.items()}
    runs = {
        way: Fit(run.model, sources[way].batch(BATCH, drop_remainder=True))
        for way, run in fits.items()
    }
    for run in runs.values():
        run()
    return Case.of("step, 16 heads, tf.data", interleaved(runs, size.seconds), PEERS)
