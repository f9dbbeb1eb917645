"""Functions of a model that are traced once, and see what its variables hold."""

import numpy as np

from keras_multiloss._platform import compiled_inference, keras, ops
from tests.lanes import BACKEND


def test_it_sees_new_values_without_a_new_trace():
    x = keras.Input((2,))
    model = keras.Model(x, keras.layers.Dense(1, kernel_initializer="ones", use_bias=False)(x))
    traces = []

    def total(batch):
        traces.append(1)
        return ops.sum(model(batch, training=False))

    measure = compiled_inference(model, total)
    batch = np.ones((3, 2), "float32")
    assert ops.convert_to_numpy(measure(batch)) == 6.0
    model.set_weights([np.full((2, 1), 2.0)])
    assert ops.convert_to_numpy(measure(batch)) == 12.0
    assert len(traces) == (2 if BACKEND == "torch" else 1)  # PyTorch traces nothing
