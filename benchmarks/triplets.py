"""Triplet losses against those of TensorFlow Addons: time of a step and peak memory.

For batches of 128 to 1024 embeddings of 64 numbers: loss and gradient under `tf.function`,
both in one process and in turn, so that a change of the machine's speed meets both. The peak
memory is that of a process that does nothing else, less what it has after a first step with a
batch of eight; it is read from Linux, which makes the peak start anew, unlike `ru_maxrss`. Run
it with `.venv-addons/bin/python`, as the `addons` lane is the one that has the package.
"""

import multiprocessing
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import tensorflow as tf
import tensorflow_addons as tfa

import keras_multiloss as kml

BATCHES, FEATURES, N_CLASSES, N_ROUNDS = (128, 256, 512, 1024), 64, 16, 15
LOSSES = {"semi-hard": "TripletSemiHardLoss", "hard": "TripletHardLoss"}
PACKAGES = {"ours": kml.losses, "addons": tfa.losses}
COLUMNS = ("loss", "batch", "ours ms", "addons ms", "ratio", "ours MB", "addons MB", "ratio")


def stepper(package, loss_name):
    """A traced function that gives the loss and its gradient."""
    loss = getattr(PACKAGES[package], LOSSES[loss_name])()

    @tf.function
    def step(labels, embeddings):
        with tf.GradientTape() as tape:
            tape.watch(embeddings)
            value = loss(labels, embeddings)
        return value, tape.gradient(value, embeddings)

    return step


def batch_of(n):
    tf.random.set_seed(0)
    embeddings = tf.math.l2_normalize(tf.random.normal((n, FEATURES)), axis=1)
    return tf.random.uniform((n,), maxval=N_CLASSES, dtype="int32"), embeddings


def seconds(step, batch):
    start = time.perf_counter()
    value, _ = step(*batch)
    value.numpy()
    return time.perf_counter() - start


def step_times(packages, loss_name, n):
    """The median milliseconds of a step of each package, measured in turn."""
    batch = batch_of(n)
    steps = {package: stepper(package, loss_name) for package in packages}
    for step in steps.values():
        seconds(step, batch)  # traces
    times = {package: [] for package in packages}
    for _ in range(N_ROUNDS):
        for package, step in steps.items():
            times[package].append(seconds(step, batch))
    return {package: 1000 * statistics.median(values) for package, values in times.items()}


def peak_megabytes(package, loss_name, n):
    """The peak of a step, above what importing and tracing take."""
    step, batch = stepper(package, loss_name), batch_of(n)
    seconds(step, batch_of(8))
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak starts anew
    before = _kilobytes("self/status", "VmHWM")
    for _ in range(3):
        seconds(step, batch)
    return (_kilobytes("self/status", "VmHWM") - before) / 1024


def _kilobytes(file, name):
    lines = Path("/proc", file).read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def alone(function, *args):
    """The result of a function in a process of its own, which then gives its memory back."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(function, *args).result()


def rows(loss_name):
    fitting = list(PACKAGES)
    for n in BATCHES:
        peaks = {package: alone(peak_megabytes, package, loss_name, n) for package in fitting}
        times = alone(step_times, fitting, loss_name, n)
        yield loss_name, n, *cells(times), *cells(peaks)
        # Of order batch ** 3, memory grows by 8; a tenth of what is free is left to others.
        limit = 0.9 * _kilobytes("meminfo", "MemAvailable") / 1024
        fitting = [package for package in fitting if 8 * peaks[package] < limit]


def cells(values):
    """Ours, theirs and the ratio; a dash for what was not run."""
    shown = [f"{values[package]:.1f}" if package in values else "-" for package in PACKAGES]
    ratio = f"{values['ours'] / values['addons']:.3f}" if "addons" in values else "-"
    return *shown, ratio


def main():
    form = "{:<10}" + "{:>11}" * (len(COLUMNS) - 1)
    print(form.format(*COLUMNS))
    for loss_name in LOSSES:
        for row in rows(loss_name):
            print(form.format(*row), flush=True)
    print("-: not run, as it would take more memory than is free")


if __name__ == "__main__":
    main()
