"""A physics-informed network for u' = -u, u(0) = 1, whose weights are annealed."""

import numpy as np

import keras_multiloss as kml
from keras_multiloss._platform import keras, ops


@keras.saving.register_keras_serializable("pinn")
class Decay(keras.layers.Layer):
    def build(self, shape):
        self.w = self.add_weight(name="w", shape=(1, 16), initializer="glorot_normal")
        self.b = self.add_weight(name="b", shape=(16,), initializer="zeros")
        self.v = self.add_weight(name="v", shape=(16, 1), initializer="glorot_normal")

    def value_and_slope(self, t):
        h = keras.activations.tanh(ops.matmul(t, self.w) + self.b)
        return ops.matmul(h, self.v), ops.matmul((1 - h * h) * self.w, self.v)

    def call(self, t):
        u, slope = self.value_and_slope(t)
        return u, slope + u, self.value_and_slope(0 * t)[0] - 1


def build():
    t = keras.Input((1,), name="t")
    u, residual, start = Decay()(t)
    outputs = {"u": u, "residual": residual, "start": start}
    loss = kml.LossTerm("mse", "residual", None) + kml.LossTerm("mse", "start", None)
    return keras.Model(t, outputs), loss


def test_the_residual_and_the_start_are_terms_without_labels(with_own_classes):
    t = np.linspace(0, 2, 64, dtype="float32")[:, None]
    rule = kml.aggregation.LearningRateAnnealing(reference=0)
    with_own_classes.check(
        build, t, None, uses=[Decay], compiled={"aggregator": rule}, epochs=150, batch_size=16
    )
    served = keras.saving.load_model(with_own_classes.serving_file)
    assert np.abs(served.predict(t, verbose=0)["u"] - np.exp(-t)).max() < 0.1  # untrained about 1
