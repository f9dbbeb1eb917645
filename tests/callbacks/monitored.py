"""A model whose task gradients are known by hand, and a monitor of it."""

import numpy as np

import keras_multiloss as kml
from keras_multiloss._platform import keras

EYE = np.eye(2, dtype="float32")


def linear_model(loss=None, **compile_arguments):
    """Two outputs that are one linear function, 0 at the start and not trained further.

    On the samples of `EYE` the gradient of the mean squared error at its kernel is minus the
    labels: the derivative of (w_i - y_i)^2, 2 (w_i - y_i), over two samples.
    """
    x = keras.Input((2,))
    y = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")(x)
    model = kml.MultiLossModel(x, {"a": y, "b": y})
    loss = kml.LossTerm("mse", "a") + kml.LossTerm("mse", "b") if loss is None else loss
    model.compile(keras.optimizers.SGD(0.0), loss=loss, **compile_arguments)
    return model


def labels(a, b):
    return {"a": np.array(a, "float32")[:, None], "b": np.array(b, "float32")[:, None]}


def monitored(y, *, model=None, epochs=1, every_n_steps=1, **arguments):
    """The monitor and the history after one step an epoch on `EYE`."""
    model = linear_model() if model is None else model
    monitor = kml.callbacks.ConflictMonitor((EYE, y), every_n_steps=every_n_steps, **arguments)
    history = model.fit(EYE, y, epochs=epochs, batch_size=2, verbose=0, callbacks=[monitor])
    return monitor, history.history
