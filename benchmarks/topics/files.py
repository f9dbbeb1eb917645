"""To and from a file, and the plain model out of a large training model."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

import keras_multiloss as kml
from benchmarks.networks import BATCH, data, network, total_loss, warm_up, with_keras, with_ours
from benchmarks.timing import Case, Size, interleaved, seconds_of
from benchmarks.training import Fit

if TYPE_CHECKING:
    from collections.abc import Iterator

N_HEADS, N_LAYERS = 16, 500
PEERS = ("compile(loss=dict)",)


def cases(size: Size) -> Iterator[Case]:
    warm_up()
    models = trained()
    with tempfile.TemporaryDirectory() as folder:
        paths = {way: Path(folder, f"{i}.keras") for i, way in enumerate(models)}
        saves = {
            way: lambda way=way: seconds_of(lambda: models[way].save(paths[way])) for way in models
        }
        loads = {
            way: lambda way=way: seconds_of(lambda: keras.saving.load_model(paths[way]))
            for way in models
        }
        for name, runs in {"save": saves, "load": loads}.items():
            yield Case.of(name, interleaved(runs, size.seconds / 2), PEERS)
    yield of_strip(size)


def trained() -> dict[str, Any]:
    x, y = data(N_HEADS)
    models = {
        "compile(loss=dict)": with_keras(network(N_HEADS), dict.fromkeys(y, "mse")),
        "ours": with_ours(network(N_HEADS), total_loss(N_HEADS)),
    }
    for model in models.values():
        Fit(model, x, y, batch_size=BATCH)()
    return models


def of_strip(size: Size) -> Case:
    x = hidden = keras.Input((4,), name="x")
    for _ in range(N_LAYERS):
        hidden = keras.layers.Dense(4)(hidden)
    prediction = keras.Model(x, {"y0": keras.layers.Dense(1, name="y0")(hidden)})
    loss = total_loss(1)
    model, layer = with_ours(prediction, loss), kml.attach_losses(prediction, loss)
    runs = {
        "clone_model": lambda: seconds_of(lambda: keras.models.clone_model(prediction)),
        "ours": lambda: seconds_of(lambda: kml.strip_losses(model)),
        "ours, loss layer": lambda: seconds_of(lambda: kml.strip_losses(layer)),
    }
    measured = interleaved(runs, 0, 1 if size.reduced else 3)
    return Case.of(f"strip {N_LAYERS} layers", measured, ["clone_model"], unit="s")
