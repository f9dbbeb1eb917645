"""Logs and metrics of random models say the same, whatever the size of the batches."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import keras_multiloss as kml
from keras_multiloss._platform import keras

N_SAMPLES = 20
BATCH_SIZES = (1, 4, 64)

#: A loss with a mask that may mark its missing labels, and metrics of its output.
NUMBERS = (["mse", "mae", "huber"], ["nan", -1.0, None], ["mae", "mse", "root_mean_squared_error"])
CHANCES = (["binary_crossentropy"], ["nan", -1.0, None], ["AUC", "binary_accuracy", "Precision"])
CLASSES = (
    ["sparse_categorical_crossentropy"],
    [-1, None],
    ["sparse_categorical_accuracy", "sparse_categorical_crossentropy"],
)
HEADS = {"number": NUMBERS, "numbers": NUMBERS, "chance": CHANCES, "class": CLASSES}


@st.composite
def plans(draw):
    """Which heads a model has; for each its loss, weight, mask, metrics and missing labels."""
    chosen = draw(st.lists(st.sampled_from(list(HEADS)), min_size=1, max_size=3, unique=True))
    heads = {}
    for name in chosen:
        losses, masks, metrics = HEADS[name]
        heads[name] = {
            "loss": draw(st.sampled_from(losses)),
            "weight": draw(st.sampled_from([1.0, 0.25])),
            "mask": draw(st.sampled_from(masks)),
            "metrics": draw(st.lists(st.sampled_from(metrics), max_size=2, unique=True)),
            "share": draw(st.sampled_from([0.0, 0.3, 0.9])),
        }
    return {
        "heads": heads,
        "is_weighed": draw(st.booleans()),
        "is_joint": draw(st.booleans()),
        "seed": draw(st.integers(0, 99)),
    }


def made(plan):
    """A compiled model with its data."""
    keras.utils.set_random_seed(plan["seed"])
    rng = np.random.default_rng(plan["seed"])
    x = keras.Input((3,), name="x")
    outputs, labels, terms, metrics = {}, {}, [], {}
    for name, head in plan["heads"].items():
        outputs[name], label = _head(name, x, rng)
        if head["mask"] is not None:
            missing = rng.random(label.shape) < head["share"]
            label[missing] = np.nan if head["mask"] == "nan" else head["mask"]
        labels[name] = label
        terms.append(kml.LossTerm(head["loss"], name, weight=head["weight"], mask=head["mask"]))
        metrics[name] = list(head["metrics"])
    if plan["is_joint"] and "number" in outputs:
        loss = kml.losses.OrderingLoss()
        outputs["upper"] = keras.layers.Dense(1, name="upper")(x)
        terms.append(kml.LossTerm(loss, ["number", "upper"], labels=None, name="order"))
    model = kml.MultiLossModel(x, outputs)
    model.compile(loss=kml.WeightedSumLoss(terms), metrics=metrics)
    data = {"x": rng.normal(size=(N_SAMPLES, 3)).astype("float32"), "y": labels}
    if plan["is_weighed"]:
        data["sample_weight"] = rng.uniform(0.5, 2.0, N_SAMPLES).astype("float32")
    return model, data


def _head(name, x, rng):
    """An output, and labels for it."""
    if name == "class":
        layer = keras.layers.Dense(4, activation="softmax", name=name)
        return layer(x), rng.integers(0, 4, (N_SAMPLES, 1)).astype("int32")
    if name == "chance":
        layer = keras.layers.Dense(1, activation="sigmoid", name=name)
        return layer(x), rng.integers(0, 2, (N_SAMPLES, 1)).astype("float32")
    n = 3 if name == "numbers" else 1
    return keras.layers.Dense(n, name=name)(x), rng.normal(size=(N_SAMPLES, n)).astype("float32")


def check(plan):
    model, data = made(plan)
    logs = [
        model.evaluate(**data, batch_size=size, verbose=0, return_dict=True) for size in BATCH_SIZES
    ]
    for found in logs[1:]:
        assert found.keys() == logs[0].keys()
        for name, value in logs[0].items():
            if name != "loss":  # Keras's own, a mean over samples of the losses of batches
                assert found[name] == pytest.approx(value, rel=1e-5, abs=1e-6, nan_ok=True), name


OPTIONS = {
    "deadline": None,
    "derandomize": True,
    "database": None,
    "suppress_health_check": [HealthCheck.too_slow],
}


@settings(max_examples=4, **OPTIONS)
@given(plans())
def test_evaluation_does_not_depend_on_the_size_of_batches(plan):
    check(plan)


@pytest.mark.slow
@settings(max_examples=60, **OPTIONS)
@given(plans())
def test_evaluation_of_many_models_does_not_depend_on_the_size_of_batches(plan):
    check(plan)
