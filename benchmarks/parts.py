"""Step time of a loss of four parts against the same loss as one number, as a ratio of medians.

Both train the same small convolutional network on the same batches in one process, in turn.
"""

import statistics
import time

import keras
import numpy as np

import keras_multiloss as kml

BATCH, N_STEPS, N_ROUNDS, GRID, N_CLASSES = 32, 20, 12, 7, 20
ops = keras.ops
register = keras.saving.register_keras_serializable(package="benchmarks")


def parts(y_true, y_pred):
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
    def call(self, y_true, y_pred):
        return parts(y_true, y_pred)


@register
class OneNumber(kml.JointLoss):
    def call(self, y_true, y_pred):
        return sum(parts(y_true, y_pred).values())


def trained(loss):
    image = keras.Input((32, 32, 3))
    hidden = keras.layers.Conv2D(16, 3, activation="relu")(image)
    hidden = keras.layers.GlobalAveragePooling2D()(hidden)
    cells = keras.layers.Dense(GRID * GRID * (5 + N_CLASSES))(hidden)
    cells = keras.layers.Reshape((GRID, GRID, 5 + N_CLASSES))(cells)
    model = kml.MultiLossModel(image, {"cells": cells})
    model.compile("sgd", loss=kml.LossTerm(loss, "cells"))
    return model


def main():
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(BATCH * N_STEPS, 32, 32, 3)).astype("float32")
    y = {"cells": rng.uniform(size=(len(x), GRID, GRID, 5 + N_CLASSES)).astype("float32")}
    models = {"four parts": trained(FourParts()), "one number": trained(OneNumber())}
    seconds = {name: [] for name in models}
    for i in range(N_ROUNDS + 1):  # the first traces
        for name, model in models.items():
            start = time.perf_counter()
            model.fit(x, y, batch_size=BATCH, verbose=0)
            if i:
                seconds[name].append((time.perf_counter() - start) / N_STEPS)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    for name, median in medians.items():
        print(f"{name}: {1e3 * median:.2f} ms a step")
    print(f"ratio: {medians['four parts'] / medians['one number']:.2f}")


if __name__ == "__main__":
    main()
