"""Linear models with three tasks, whose task gradients are known."""

import numpy as np

import keras_multiloss as kml
from keras_multiloss._platform import keras, ops

TASKS = ["a", "b", "c"]
RATE, SMALL = 0.1, 0.01
OPTIONS = {"batch_size": 8, "shuffle": False, "verbose": 0}


def data(n=24):
    rng = np.random.default_rng(5)
    x = rng.normal(size=(n, 5)).astype("float32")
    labels = {t: (k + 1) * rng.normal(size=(n, 1)).astype("float32") for k, t in enumerate(TASKS)}
    return x, labels


def network(balancer=None, activation=None, **trunk):
    """A trunk and a head for each task; `balancer` is a layer between them."""
    keras.utils.set_random_seed(11)
    x = keras.Input((5,), name="x")
    arguments = {"activation": activation, "use_bias": False, "name": "trunk", **trunk}
    features = keras.layers.Dense(4, **arguments)(x)
    shared = dict.fromkeys(TASKS, features) if balancer is None else balancer(features)
    heads = {t: keras.layers.Dense(1, use_bias=False, name=t)(shared[t]) for t in TASKS}
    return kml.MultiLossModel(x, heads)


def compiled(model, optimizer=None, **options):
    loss = kml.LossTerm("mse", "a") + kml.LossTerm("mse", "b") + 0.5 * kml.LossTerm("mse", "c")
    # Small losses, so that those scaled for float16 do not overflow, and large steps.
    model.compile(optimizer or keras.optimizers.SGD(RATE / SMALL), loss=SMALL * loss, **options)
    return model


def with_layer(aggregator, optimizer=None, activation=None, *, compile_options=None, **options):
    layer = kml.GradientBalancer(TASKS, aggregator, name="balancer", **options)
    return compiled(network(layer, activation), optimizer, **(compile_options or {}))


def exact(aggregator, optimizer=None, activation=None, **options):
    model = network(activation=activation)
    return compiled(model, optimizer, aggregator=aggregator, **options)


def kernel(model, name):
    return np.asarray(model.get_layer(name).get_weights()[0], "float64")


def gradients_of_features(model):
    """The task gradients at the features and at the heads, by hand, on all data."""
    x, y = data()
    features = x @ kernel(model, "trunk")
    at_features, at_heads = [], {}
    for task, weight in zip(TASKS, (1.0, 1.0, 0.5), strict=True):
        error = 2 * weight * (features @ kernel(model, task) - y[task]) / len(x)
        at_features.append(error @ kernel(model, task).T)
        at_heads[task] = features.T @ error
    return np.array(at_features), at_heads


def combined(rule, jacobian):
    """What a rule makes of the rows of an array of any shape."""
    rows = jacobian.reshape(len(jacobian), -1).astype("float32")
    found = ops.convert_to_numpy(rule(ops.convert_to_tensor(rows)))
    return found.astype("float64").reshape(jacobian.shape[1:])


def one_step(model):
    """Train on all data at once; the kernels before and after, by name of the layer."""
    x, y = data()
    before = {name: kernel(model, name) for name in ("trunk", *TASKS)}
    model.fit(x, y, **{**OPTIONS, "batch_size": len(x)})
    return before, {name: kernel(model, name) for name in before}


def trained(model, epochs=2, **options):
    """All weights of the network after a short training."""
    model.fit(*data(), epochs=epochs, **{**OPTIONS, **options})
    return {name: kernel(model, name) for name in ("trunk", *TASKS)}


def assert_same(one, other, **tolerance):
    for name, values in one.items():
        np.testing.assert_allclose(other[name], values, err_msg=name, **tolerance)


def assert_goes_on_in_a_fresh_process(model, fresh_process, path):
    """A model that is loaded elsewhere trains on bit for bit as the one that was saved."""
    model.save(path)
    options = {"epochs": 2, **OPTIONS}
    history = model.fit(*data(), **options).history
    _, resumed, after = fresh_process.load(path, ("fit", data(), options), ("get_weights", (), {}))
    assert resumed == history
    for one, other in zip(model.get_weights(), after, strict=True):
        np.testing.assert_array_equal(other, one)
