"""Triplet losses beside those of TensorFlow Addons: time of a step and peak memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf
import tensorflow_addons as tfa

import keras_multiloss as kml
from benchmarks.processes import alone, forget_peak, megabytes
from benchmarks.timing import Case, Size, interleaved, seconds_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FEATURES, N_CLASSES = 64, 16
LOSSES = {"semi-hard": "TripletSemiHardLoss", "hard": "TripletHardLoss"}
PACKAGES = {"ours": kml.losses, "TensorFlow Addons": tfa.losses}
PEERS = ("TensorFlow Addons",)
BATCHES = (128, 256, 512)


def cases(size: Size) -> Iterator[Case]:
    for kind, loss_name in LOSSES.items():
        for n in BATCHES[:2] if size.reduced else BATCHES:
            runs = {package: stepper(package, loss_name, n) for package in PACKAGES}
            for run in runs.values():
                run()
            yield Case.of(f"{kind}, {n} samples", interleaved(runs, size.seconds / 2), PEERS)
        if not size.reduced:
            peaks = {package: [alone(peak, package, loss_name, n)] for package in PACKAGES}
            yield Case.of(f"{kind}, {n} samples, peak", peaks, PEERS, unit="MB")


def stepper(package: str, loss_name: str, n: int) -> Callable[[], float]:
    """A function that gives the seconds of a loss with its gradient."""
    loss = getattr(PACKAGES[package], loss_name)()

    @tf.function
    def step(labels: Any, embeddings: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(embeddings)
            value = loss(labels, embeddings)
        return value, tape.gradient(value, embeddings)

    tf.random.set_seed(0)
    embeddings = tf.math.l2_normalize(tf.random.normal((n, FEATURES)), axis=1)
    labels = tf.random.uniform((n,), maxval=N_CLASSES, dtype="int32")

    def value() -> Any:
        return step(labels, embeddings)[0].numpy()

    return lambda: seconds_of(value)


def peak(package: str, loss_name: str, n: int) -> float:
    """The megabytes of a step, above what importing and tracing take."""
    run = stepper(package, loss_name, n)
    stepper(package, loss_name, 8)()
    forget_peak()
    before = megabytes("VmHWM")
    for _ in range(3):
        run()
    return megabytes("VmHWM") - before
