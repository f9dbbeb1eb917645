"""The real losses of TensorFlow Addons as terms, where it can be imported."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras
from tests.lanes import needs_addons

pytestmark = needs_addons

N = 16


def terms():
    """One term for each kind: plain, boxes, logits, batch-wise scalar, ordinal."""
    import tensorflow_addons as tfa

    pinball = kml.LossTerm(tfa.losses.PinballLoss(tau=0.1), "low", "price")
    boxes = kml.LossTerm(tfa.losses.GIoULoss(mode="iou"), "box")
    focal = kml.LossTerm(tfa.losses.SigmoidFocalCrossEntropy(gamma=1.5), "sex")
    triplet = kml.LossTerm(tfa.losses.TripletSemiHardLoss(margin=0.5), "embedding", "species")
    return pinball + 0.5 * boxes + focal + 0.1 * triplet


def network():
    x = keras.Input((4,), name="x")
    dense = keras.layers.Dense
    outputs = {
        "low": dense(1, name="low")(x),
        "box": dense(4, name="box")(x),
        "sex": dense(1, activation="sigmoid", name="sex")(x),
        "embedding": dense(3, name="embedding")(x),
    }
    return keras.Model(x, outputs)


def data():
    rng = np.random.default_rng(0)
    corner = rng.random((N, 2))
    labels = {
        "price": rng.normal(size=(N, 1)).astype("float32"),
        "box": np.concatenate([corner, corner + 1], axis=1).astype("float32"),
        "sex": rng.integers(0, 2, (N, 1)).astype("float32"),
        "species": rng.integers(0, 3, N).astype("int32"),
    }
    return rng.normal(size=(N, 4)).astype("float32"), labels


def hosted(host):
    x, labels = data()
    if host == "model":
        model = kml.MultiLossModel.from_model(network())
        model.compile("adam", loss=terms())
        return model, (x, labels)
    model = kml.attach_losses(
        network(), terms(), labels={"species": {"shape": (), "dtype": "int32"}}
    )
    model.compile("adam")
    return model, ({"x": x, **{f"{name}_label": label for name, label in labels.items()}},)


@pytest.mark.parametrize("host", ["model", "layer"])
def test_losses_of_the_package_train_and_reload_in_a_fresh_process(host, fresh_process, model_path):
    model, batch = hosted(host)
    model.fit(*batch, epochs=2, verbose=0)
    model.save(model_path)
    expected = model.evaluate(*batch, verbose=0, return_dict=True)
    assert fresh_process.evaluate(model_path, *batch) == expected


def test_term_values_are_those_of_the_package():
    import tensorflow_addons as tfa

    x, labels = data()
    outputs = network().predict(x, verbose=0)
    values = terms().term_losses(labels, outputs)
    expected = {
        "low": tfa.losses.PinballLoss(tau=0.1)(labels["price"], outputs["low"]),
        "box": tfa.losses.GIoULoss(mode="iou")(labels["box"], outputs["box"]),
        # It gives one value per sample by default; a term is their mean.
        "sex": np.mean(
            tfa.losses.SigmoidFocalCrossEntropy(gamma=1.5)(labels["sex"], outputs["sex"])
        ),
        "embedding": tfa.losses.TripletSemiHardLoss(margin=0.5)(
            labels["species"], outputs["embedding"]
        ),
    }
    for name, value in expected.items():
        assert float(values[name]) == pytest.approx(float(value), rel=1e-6), name


def test_every_argument_survives_a_file():
    restored = kml.WeightedSumLoss.from_config(terms().get_config())
    assert restored.get_config() == terms().get_config()
    assert restored.terms[0].loss.get_config()["tau"] == 0.1
    assert restored.terms[1].loss.get_config()["mode"] == "iou"
