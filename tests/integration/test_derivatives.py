"""Terms over derivatives of an output: the heat equation, in each way of the how-to page."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras, ops
from tests.lanes import needs_jax_backend, needs_tensorflow_backend, needs_torch_backend

WIDTH = 8


class OfHeat(keras.layers.Layer):
    """The value and the residual u_t - u_xx of a small network at points (x, t)."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.hidden = [keras.layers.Dense(WIDTH, name=f"hidden_{i}") for i in range(2)]
        self.last = keras.layers.Dense(1, name="last")

    def build(self, input_shape):
        for dense, width in zip([*self.hidden, self.last], [2, WIDTH, WIDTH], strict=True):
            dense.build((None, width))
        self.built = True

    def u(self, points):
        for dense in self.hidden:
            points = keras.activations.tanh(dense(points))
        return self.last(points)


@keras.saving.register_keras_serializable(package="tests")
class ByRules(OfHeat):
    """The rules of derivatives, layer by layer, which need no automatic ones."""

    def call(self, points):
        u, u_xx = points, ops.zeros_like(points)
        u_x, u_t = (ops.zeros_like(points) + ops.convert_to_tensor(d) for d in ([1.0, 0], [0, 1.0]))
        for dense in [*self.hidden, self.last]:
            u = dense(u)
            u_x, u_xx, u_t = (ops.matmul(d, dense.kernel) for d in (u_x, u_xx, u_t))
            if dense is not self.last:
                u = keras.activations.tanh(u)
                slope = 1.0 - ops.square(u)
                u_xx = slope * u_xx - 2.0 * u * slope * ops.square(u_x)
                u_x, u_t = slope * u_x, slope * u_t
        return u, u_t - u_xx


@keras.saving.register_keras_serializable(package="tests")
class ByTapes(OfHeat):
    def call(self, points):
        import tensorflow as tf

        with tf.GradientTape() as outer:
            outer.watch(points)
            with tf.GradientTape() as inner:
                inner.watch(points)
                u = self.u(points)
            slopes = inner.gradient(u, points)
            u_x = slopes[:, :1]
        return u, slopes[:, 1:] - outer.gradient(u_x, points)[:, :1]


@keras.saving.register_keras_serializable(package="tests")
class ByJvp(OfHeat):
    def call(self, points):
        import jax

        along_x, along_t = (jax.numpy.zeros_like(points).at[:, i].set(1.0) for i in range(2))

        def u_x(points):
            return jax.jvp(self.u, (points,), (along_x,))[1]

        u, u_t = jax.jvp(self.u, (points,), (along_t,))
        return u, u_t - jax.jvp(u_x, (points,), (along_x,))[1]


@keras.saving.register_keras_serializable(package="tests")
class ByAutograd(OfHeat):
    def call(self, points):
        import torch

        with torch.enable_grad():  # also in `evaluate` and `predict`
            points = points.detach().requires_grad_()
            u = self.u(points)
            (slopes,) = torch.autograd.grad(u.sum(), points, create_graph=True)
            (second,) = torch.autograd.grad(slopes[:, 0].sum(), points, create_graph=True)
        return u, slopes[:, 1:] - second[:, :1]


every_way = pytest.mark.parametrize(
    "way",
    [
        ByRules,
        pytest.param(ByTapes, marks=needs_tensorflow_backend),
        pytest.param(ByJvp, marks=needs_jax_backend),
        pytest.param(ByAutograd, marks=needs_torch_backend),
    ],
)


def heat_model(way):
    keras.utils.set_random_seed(3)
    points = keras.Input((2,), name="points")
    u, residual = way(name="heat")(points)
    return kml.MultiLossModel(points, {"u": u, "residual": residual})


def data(n=32):
    """Points inside, at the start and at the edges; the labels are known where they hold."""
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 1, (3 * n, 2)).astype("float32")
    points[n : 2 * n, 1] = 0.0
    points[2 * n :, 0] = np.arange(n) % 2
    labels = {name: np.full((3 * n, 1), np.nan, "float32") for name in ("start", "edge")}
    labels["start"][n : 2 * n] = np.sin(np.pi * points[n : 2 * n, :1])
    labels["edge"][2 * n :] = 0.0
    labels["equation"] = np.zeros((3 * n, 1), "float32")
    return points, labels


def heat_loss():
    return kml.WeightedSumLoss(
        [
            kml.LossTerm("mse", "residual", labels="equation", name="equation"),
            kml.LossTerm("mse", "u", labels="start", mask="nan", name="start", weight=10.0),
            kml.LossTerm("mse", "u", labels="edge", mask="nan", name="edge", weight=10.0),
        ]
    )


def in_float64(model, points):
    """The value of the network at points, from its weights."""
    weights = [np.asarray(ops.convert_to_numpy(w), "float64") for w in model.trainable_variables]
    hidden = points
    for i, (kernel, bias) in enumerate(zip(weights[::2], weights[1::2], strict=True)):
        hidden = hidden @ kernel + bias
        hidden = np.tanh(hidden) if i < 2 else hidden
    return hidden


@every_way
def test_the_residual_is_that_of_differences(way):
    model, h = heat_model(way), 1e-4
    points = data()[0]
    found = model.predict(points, verbose=0)
    u, (before, after), (left, right) = (
        [in_float64(model, points.astype("float64") + h * np.array(d)) for d in steps]
        for steps in ([(0, 0)], [(0, -1), (0, 1)], [(-1, 0), (1, 0)])
    )
    u_t, u_xx = (after - before) / (2 * h), (left + right - 2 * u[0]) / h**2
    # Differences of step h are right to h^2, the model is in float32.
    np.testing.assert_allclose(found["residual"], u_t - u_xx, atol=1e-5)
    np.testing.assert_allclose(found["u"], u[0], atol=1e-6)


def losses_around_training(model, aggregator=None):
    points, labels = data()
    model.compile(keras.optimizers.Adam(0.01), loss=heat_loss(), aggregator=aggregator)
    options = {"batch_size": len(points), "verbose": 0}
    before = model.evaluate(points, labels, return_dict=True, **options)
    model.fit(points, labels, epochs=40, **options)
    return before, model.evaluate(points, labels, return_dict=True, **options)


@every_way
def test_training_lowers_the_loss_and_goes_into_a_file(way, tmp_path):
    model = heat_model(way)
    before, after = losses_around_training(model)
    assert after["loss"] < 0.5 * before["loss"]
    model.save(tmp_path / "heat.keras")
    again = keras.models.load_model(tmp_path / "heat.keras")
    found, expected = (m.predict(data()[0], verbose=0)["residual"] for m in (again, model))
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(
    "aggregator",
    [
        kml.aggregation.ShareOfGradient([1.0, 4.0, 4.0]),
        kml.aggregation.LearningRateAnnealing(),
        kml.aggregation.LearningRateAnnealing(statistic="root_norm"),
    ],
    ids=["share", "annealing", "root_norm"],
)
def test_balanced_training_fits_the_known_values(aggregator):
    known = [
        logs["start_loss"] + logs["edge_loss"]
        for logs in losses_around_training(heat_model(ByRules), aggregator)
    ]
    assert known[1] < 0.5 * known[0]
