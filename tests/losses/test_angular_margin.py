"""`ArcFaceLoss` and `CosFaceLoss`: margins, angles beyond pi, class vectors in a layer."""

import math

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras
from keras_multiloss.losses import ArcFaceLoss, CosFaceLoss
from tests.losses.messages import exactly

COSINES = np.array([[0.5, 0.1, -0.3], [0.0, 0.9, 0.2]])
LABEL = np.array([0, 1])


@pytest.mark.parametrize("cls", [ArcFaceLoss, CosFaceLoss])
def test_without_a_margin_it_is_the_cross_entropy_of_scaled_cosines(cls):
    expected = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(LABEL, 8.0 * COSINES)
    found = cls(margin=0.0, scale=8.0)(LABEL, COSINES)
    assert float(found) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("cls", [ArcFaceLoss, CosFaceLoss])
def test_a_margin_makes_it_harder(cls):
    found = [float(cls(margin=m, scale=8.0)(LABEL, COSINES)) for m in (0.0, 0.2, 0.4)]
    assert found == sorted(found)
    assert found[0] < found[-1]


def test_a_larger_angle_never_costs_less():
    angles = np.linspace(0, math.pi, 201)
    cosines = np.stack([np.cos(angles), np.zeros_like(angles)], axis=-1)
    loss = ArcFaceLoss(margin=0.7, scale=8.0, reduction="none")
    costs = np.asarray(loss(np.zeros(201, "int32"), cosines))
    # Float32 keeps 1e-6 of values near 10.
    assert (np.diff(costs) > -1e-5).all()


def test_a_column_of_class_numbers_is_as_good():
    loss = ArcFaceLoss()
    assert float(loss(LABEL.reshape(2, 1), COSINES)) == float(loss(LABEL, COSINES))


def test_a_label_of_one_entry_a_class_is_refused():
    message = exactly(
        "CosFaceLoss: the label does not fit the output.",
        "  Expected: a class number for each distribution, a label of shape (2,)",
        "  Received: shape (2, 3)",
        "  Hint: a label of one number per class needs a categorical loss",
    )
    with pytest.raises(ValueError, match=message):
        CosFaceLoss()(np.eye(3)[LABEL], COSINES)


@pytest.mark.parametrize("host", ["model", "layer"])
@pytest.mark.sample(1)
def test_class_vectors_learn_in_a_layer_and_come_back_from_a_file(host, fresh_process, model_path):
    rng = np.random.default_rng(0)
    label = rng.integers(0, 3, 60)
    x = rng.normal(size=(60, 4)).astype("float32")
    x[:, 0] += 4.0 * (label == 1)
    x[:, 1] += 4.0 * (label == 2)
    inputs = keras.Input((4,), name="x")
    embedding = keras.layers.Dense(2, name="embedding")(inputs)
    cosines = kml.layers.CosineDense(3, name="cosines", kernel_regularizer="l2")(embedding)
    model = keras.Model(inputs, {"cosines": cosines})
    term = kml.LossTerm(ArcFaceLoss(margin=0.2, scale=8.0), "cosines", "label")
    if host == "model":
        model, batch = kml.MultiLossModel.from_model(model), (x, {"label": label})
        model.compile(keras.optimizers.Adam(0.05), loss=term)
    else:
        specs = {"label": {"shape": (), "dtype": "int32"}}
        model = kml.attach_losses(model, term, labels=specs)
        model.compile(keras.optimizers.Adam(0.05))
        batch = ({"x": x, "label_label": label},)
    before = model.get_layer("cosines").get_weights()[0]
    history = model.fit(*batch, epochs=20, verbose=0).history["loss"]
    assert history[-1] < 0.7 * history[0]
    assert np.abs(model.get_layer("cosines").get_weights()[0] - before).max() > 0.01
    model.save(model_path)
    logs = model.evaluate(*batch, verbose=0, return_dict=True)
    assert fresh_process.evaluate(model_path, *batch) == pytest.approx(logs, rel=1e-6)
