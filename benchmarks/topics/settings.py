"""What single settings change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras

import keras_multiloss as kml
from benchmarks.networks import BATCH, N_STEPS, data, network, total_loss, warm_up, with_ours
from benchmarks.timing import Case, Size, interleaved
from benchmarks.training import Fit

if TYPE_CHECKING:
    from collections.abc import Iterator

N_HEADS = 16
PEERS = ("as it comes",)
BATCHES = (64, 256, 1024)


def cases(size: Size) -> Iterator[Case]:
    warm_up()
    runs = ways()
    for run in runs.values():
        run()
    yield Case.of("step", interleaved(runs, 2 * size.seconds), PEERS)
    if not size.reduced:
        yield of_batches(size)


def ways() -> dict[str, Any]:
    x, y = data(N_HEADS)
    labels = {f"{name}_label": label for name, label in y.items()}
    layer = kml.attach_losses(network(N_HEADS), total_loss(N_HEADS))
    layer.compile("sgd")
    few = slice(4 * BATCH)  # steps without a graph take long
    runs = {
        "as it comes": Fit(compiled(), x, y, batch_size=BATCH),
        "fuse=False": Fit(compiled(fuse=False), x, y, batch_size=BATCH),
        "loss layer": Fit(layer, {"x": x, **labels}, batch_size=BATCH),
        "run_eagerly=True": Fit(
            compiled(run_eagerly=True),
            x[few],
            {name: label[few] for name, label in y.items()},
            batch_size=BATCH,
        ),
    }
    if keras.backend.backend() != "torch":
        runs["jit_compile=False"] = Fit(compiled(jit_compile=False), x, y, batch_size=BATCH)
        together = compiled(steps_per_execution=N_STEPS // 4)
        runs["steps_per_execution=8"] = Fit(together, x, y, batch_size=BATCH)
        runs["tf.data"] = Fit(compiled(), dataset(x, y))
    return runs


def compiled(*, fuse: bool = True, **options: Any) -> Any:
    return with_ours(network(N_HEADS), total_loss(N_HEADS, fuse=fuse), **options)


def dataset(x: Any, y: Any) -> Any:
    import tensorflow as tf

    batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(BATCH, drop_remainder=True)
    return batches.prefetch(tf.data.AUTOTUNE)


def of_batches(size: Size) -> Case:
    """Each batch size in turn, for as many samples."""
    runs = {}
    for n in BATCHES:
        fit = Fit(compiled(), *data(N_HEADS, n), batch_size=n)
        fit()
        runs[f"batches of {n}"] = lambda fit=fit, n=n: fit() * 1000 / n
    return Case.of("1,000 samples", interleaved(runs, size.seconds), [f"batches of {BATCHES[0]}"])
