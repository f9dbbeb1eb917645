"""Heads on a small trunk, their data and their losses."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

import keras_multiloss as kml
from benchmarks.training import Fit

BATCH, FEATURES, N_STEPS = 64, 64, 32


def names_of(n_heads: int) -> list[str]:
    return [f"y{i}" for i in range(n_heads)]


def network(n_heads: int, *, joined: bool = False) -> Any:
    """A functional model with so many heads of one unit, as outputs or joined into one output."""
    x = keras.Input((FEATURES,), name="x")
    hidden = keras.layers.Dense(128, activation="relu")(x)
    outputs = {name: keras.layers.Dense(1, name=name)(hidden) for name in names_of(n_heads)}
    if joined:
        return keras.Model(x, {"y": keras.layers.Concatenate(name="y")([*outputs.values()])})
    return keras.Model(x, outputs)


def data(n_heads: int, batch_size: int = BATCH) -> tuple[Any, dict[str, Any]]:
    """An epoch of inputs and labels."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch_size * N_STEPS, FEATURES)).astype("float32")
    return x, {n: rng.normal(size=(len(x), 1)).astype("float32") for n in names_of(n_heads)}


def total_loss(n_heads: int, **options: Any) -> kml.WeightedSumLoss:
    terms = [kml.LossTerm("mse", name) for name in names_of(n_heads)]
    return kml.WeightedSumLoss(terms, **options)


def with_keras(model: Any, losses: dict[str, Any]) -> Any:
    """Compiled as plain Keras takes several losses."""
    model.compile("sgd", loss=losses)
    return model


def with_ours(model: Any, loss: Any, **options: Any) -> Any:
    """A `MultiLossModel` with the same layers."""
    model = kml.MultiLossModel.from_model(model)
    model.compile("sgd", loss=loss, **options)
    return model


def squared_errors(y: Any, outputs: Any) -> Any:
    """The total loss of the heads, as one writes it by hand."""
    ops = keras.ops
    return sum(ops.mean(ops.square(outputs[name] - label)) for name, label in y.items())


def warm_up() -> None:
    """Let the backend start before anything is timed."""
    Fit(with_keras(network(1), {"y0": "mse"}), *data(1), batch_size=BATCH)()
