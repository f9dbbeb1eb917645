"""Trains models on some devices and prints weights and logs as JSON.

Run as a program, once for every strategy: two of them in one process disturb each other.
"""

import contextlib
import json
import os
import sys

import numpy as np

from keras_multiloss._platform import KERAS_3, backend, keras

#: Of the losses of the host "masked".
# Keras 2 logs half of a loss of two replicas whose reduction it does not know.
REDUCTIONS = {"age": "mean_with_sample_weight" if KERAS_3 else "sum_over_batch_size", "sex": "sum"}

#: The last batch is uneven for two devices and for three; the first one must not be, for Keras.
N_SAMPLES = 29 if backend() == "tensorflow" else 24  # on JAX, Keras refuses uneven batches
LOSS_WEIGHTS = {"age": 1.0, "sex": 0.01}
LOSSES = {"age": "mse", "sex": "mae"}


def balanced_two_heads(aggregator):
    """`two_heads` of the tests with a `GradientBalancer` behind the shared layer."""
    import keras_multiloss as kml

    x = keras.Input((3,), name="x")
    hidden = keras.layers.Dense(4, activation="tanh", name="hidden")(x)
    shared = kml.GradientBalancer(["age", "sex"], aggregator)(hidden)
    age = keras.layers.Dense(1, name="age")(shared["age"])
    sex = keras.layers.Dense(1, activation="sigmoid", name="sex")(shared["sex"])
    return keras.Model(x, {"age": age, "sex": sex})


def reductions_and_parts():
    """Terms of every further reduction, one over a hidden layer, and one of two parts."""
    import keras_multiloss as kml

    @keras.saving.register_keras_serializable(package="distributed")
    def two_parts(y_true, y_pred):
        distance = (y_true - y_pred)[:, 0]
        return {"square": distance**2, "other": distance**4}

    return (
        kml.LossTerm("mse", "age", mask="nan", reduction="mean_per_sample")
        + kml.LossTerm("mae", "sex", reduction="weighted_mean")
        + kml.LossTerm("mse", "hidden", None, weight=0.1, reduction="sum_over_axes")
        + kml.LossTerm(two_parts, "sex", name="both", weight=0.1, part_weights={"other": 2.0})
    )


def several_devices(n_devices):
    """A context in which models are spread over devices of the CPU."""
    if backend() == "jax":
        import jax

        keras.distribution.set_distribution(
            keras.distribution.DataParallel(devices=jax.devices()[:n_devices])
        )
        return contextlib.nullcontext()
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * n_devices
    )
    return tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(n_devices)]).scope()


def main(hosts, n_devices):
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={n_devices}"
    scope = several_devices(n_devices) if n_devices > 1 else contextlib.nullcontext()
    with scope:
        print(json.dumps({host: trained(host) for host in hosts}))


def trained(host):
    """Weights and logs of a training in one host."""
    import keras_multiloss as kml
    from keras_multiloss.losses import MaskedLoss, PerOutputLoss
    from tests.conftest import two_heads, two_heads_data
    from tests.weighting.hosts import RULES

    schedule = keras.optimizers.schedules.PolynomialDecay(1.0, 10, 0.1)
    loss = kml.LossTerm("mse", "age", weight=schedule, mask="nan")
    loss += kml.LossTerm(keras.losses.MeanSquaredError(reduction="sum"), "sex", weight=0.01)
    kind, _, rule = host.partition(" ")
    if kind == "weighting":
        loss = kml.WeightedSumLoss(
            kml.LossTerm("mse", "age") + kml.LossTerm("mae", "sex"), weighting=RULES[rule]()
        )
    x, y = two_heads_data(N_SAMPLES)
    if kind in {"model", "layer", "masked", "reductions"}:
        y["age"][[0, 1, 2, 5, 9]] = np.nan  # not as many on each device
    keras.utils.set_random_seed(3)
    data = (x, y)
    model = two_heads(kernel_regularizer=keras.regularizers.L2(0.01))
    if kind in {"model", "weighting", "aggregator"}:
        options = {}
        if kind == "aggregator":
            name, _, n_steps = rule.partition(" every ")
            options = {"aggregator": name, "every_n_steps": int(n_steps or 1)}
        model = kml.MultiLossModel.from_model(model)
        model.compile(keras.optimizers.SGD(0.1), loss=loss, **options)
    elif kind == "reductions":
        model = kml.MultiLossModel.from_model(model, taps={"hidden": "hidden"})
        model.compile(keras.optimizers.SGD(0.1), loss=reductions_and_parts())
    elif kind == "balancer":
        model = balanced_two_heads(rule)
        model.compile(keras.optimizers.SGD(0.1), loss=LOSSES, loss_weights=LOSS_WEIGHTS)
    elif kind == "masked":
        losses = {name: MaskedLoss("mse", reduction=how) for name, how in REDUCTIONS.items()}
        model.compile(keras.optimizers.SGD(0.1), loss=losses, loss_weights=LOSS_WEIGHTS)
    elif host == "per output":
        loss = PerOutputLoss({"age": "mse", "sex": "mae"}, weights={"sex": 0.5})
        model.compile(keras.optimizers.SGD(0.1), loss=loss)
    else:
        model = kml.attach_losses(model, loss)
        model.compile(keras.optimizers.SGD(0.1))
        data = ({"x": x, "age_label": y["age"], "sex_label": y["sex"]},)
    options = {"batch_size": 12, "verbose": 0}
    if kind in {"model", "masked", "reductions"}:
        options["sample_weight"] = np.linspace(0.5, 2.0, N_SAMPLES)
    history = model.fit(*data, epochs=3, shuffle=False, **options).history
    evaluated = model.evaluate(*data, return_dict=True, **options)
    kernels = [
        np.asarray(model.get_layer(name).get_weights()[0]) for name in ("hidden", "age", "sex")
    ]
    return {
        "weights": [kernel.tolist() for kernel in kernels],
        "history": {k: [float(v) for v in values] for k, values in history.items()},
        "evaluated": {k: float(v) for k, v in evaluated.items()},
    }


if __name__ == "__main__":
    main(sys.argv[2:], int(sys.argv[1]))
