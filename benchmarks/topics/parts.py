"""A loss of several parts, beside the same loss as one number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

import keras_multiloss as kml
from benchmarks.networks import N_STEPS, warm_up, with_ours
from benchmarks.timing import Case, Size, interleaved
from benchmarks.training import Fit

if TYPE_CHECKING:
    from collections.abc import Iterator

BATCH, GRID, N_CLASSES = 32, 7, 20
PEERS = ("one number",)
ops = keras.ops
register = keras.saving.register_keras_serializable(package="benchmarks")


def parts(y_true: Any, y_pred: Any) -> dict[str, Any]:
    """Centre, size, objectness and classes of the cells of a grid."""
    distance = y_pred - y_true
    return {
        "center": ops.mean(ops.square(distance[..., :2]), (1, 2, 3)),
        "size": ops.mean(ops.abs(distance[..., 2:4]), (1, 2, 3)),
        "objectness": ops.mean(ops.square(distance[..., 4]), (1, 2)),
        "classes": ops.mean(ops.square(distance[..., 5:]), (1, 2, 3)),
    }


@register
class FourParts(kml.JointLoss):
    def call(self, y_true: Any, y_pred: Any) -> Any:
        return parts(y_true, y_pred)


@register
class OneNumber(kml.JointLoss):
    def call(self, y_true: Any, y_pred: Any) -> Any:
        return sum(parts(y_true, y_pred).values())


def cases(size: Size) -> Iterator[Case]:
    warm_up()
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(BATCH * N_STEPS, 32, 32, 3)).astype("float32")
    cells = rng.uniform(size=(len(x), GRID, GRID, 5 + N_CLASSES)).astype("float32")
    runs = {
        way: Fit(with_ours(network(), kml.LossTerm(loss, "cells")), x, {"cells": cells}, BATCH)
        for way, loss in {"one number": OneNumber(), "four parts": FourParts()}.items()
    }
    for run in runs.values():
        run()
    yield Case.of("step, a loss of four parts", interleaved(runs, size.seconds), PEERS)


def network() -> Any:
    image = keras.Input((32, 32, 3), name="image")
    hidden = keras.layers.Conv2D(16, 3, activation="relu")(image)
    hidden = keras.layers.GlobalAveragePooling2D()(hidden)
    cells = keras.layers.Dense(GRID * GRID * (5 + N_CLASSES))(hidden)
    return keras.Model(image, {"cells": keras.layers.Reshape((GRID, GRID, 5 + N_CLASSES))(cells)})
