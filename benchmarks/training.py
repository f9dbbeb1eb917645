"""Epochs of `fit`, and how long a step of them takes."""

from __future__ import annotations

import time
from typing import Any

import keras


class StepClock(keras.callbacks.Callback):
    """Reads the log of each step, as a progress bar does, and the time at which it has it."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[tuple[int, float]] = []
        self.n_logs = 0

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002 (of Keras)
        self.ends.clear()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.n_logs = len([float(value) for value in logs.values()])
        self.ends.append((batch, time.perf_counter()))

    @property
    def seconds(self) -> float:
        """Of a step, from the end of the first on, so that the start of an epoch does not count."""
        (first, start), (last, end) = self.ends[0], self.ends[-1]
        return (end - start) / (last - first)


class Fit:
    """An epoch of `fit`, as a function without arguments that gives the seconds of a step.

    Args:
        model: a compiled model.
        data: the positional arguments of `fit`.
        n_logs: how many logs a step must have at least, so that ways are alike.
        **options: of `fit`.
    """

    def __init__(self, model: Any, *data: Any, n_logs: int = 1, **options: Any) -> None:
        self.model, self.data, self.n_logs = model, data, n_logs
        self.options = {"verbose": 0, "shuffle": False, **options}

    def __call__(self) -> float:
        clock = StepClock()
        self.model.fit(*self.data, callbacks=[clock], **self.options)
        if clock.n_logs < self.n_logs:
            raise RuntimeError(f"a step has {clock.n_logs} logs, expected {self.n_logs}")
        return clock.seconds
