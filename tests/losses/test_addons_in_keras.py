"""The losses that treat rows one by one, and kappa, in `compile`, in terms and in files."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras, ops
from keras_multiloss.losses._focal import SigmoidFocalCrossEntropy
from keras_multiloss.losses._giou import GIoULoss
from keras_multiloss.losses._kappa import WeightedKappaLoss
from keras_multiloss.losses._pinball import PinballLoss
from keras_multiloss.losses._sparsemax import SparsemaxLoss
from tests import contracts
from tests.losses.gradients import gradients

RNG = np.random.default_rng(10)
ROWS = 6
BOXES = np.array([-1, -1, 1, 1]) + RNG.uniform(-0.5, 0.5, (ROWS, 4))
NUMBERS = RNG.normal(size=(ROWS, 1))
FLAGS = RNG.integers(0, 2, (ROWS, 3))
ONE_HOT = np.eye(4)[RNG.integers(0, 4, ROWS)]

#: A loss with arguments that are not the defaults, labels, and the activation of its output.
LOSSES = [
    (GIoULoss("ciou", name="boxes"), BOXES, "linear"),
    (PinballLoss(0.3, "sum"), NUMBERS, "linear"),
    (SigmoidFocalCrossEntropy(True, 0.4, 1.5, "sum_over_batch_size"), FLAGS, "linear"),
    (SparsemaxLoss(reduction="sum"), ONE_HOT, "linear"),
    (WeightedKappaLoss(4, "linear", epsilon=1e-3), ONE_HOT, "softmax"),
]
NAMES = [type(loss).__name__ for loss, _, _ in LOSSES]
every_loss = pytest.mark.parametrize(("loss", "label", "activation"), LOSSES, ids=NAMES)


def network():
    x = keras.Input((3,), name="x")
    outputs = {
        name: keras.layers.Dense(label.shape[1], activation, name=name)(x)
        for name, (_, label, activation) in zip(NAMES, LOSSES, strict=True)
    }
    return keras.Model(x, outputs)


def data():
    labels = {
        name: label.astype("float32") for name, (_, label, _) in zip(NAMES, LOSSES, strict=True)
    }
    return RNG.normal(size=(ROWS, 3)).astype("float32"), labels


def outputs_for(label, activation):
    logits = RNG.normal(size=label.shape)
    return (
        np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        if activation == "softmax"
        else logits
    )


@every_loss
def test_a_loss_keeps_its_arguments(loss, label, activation):
    contracts.config_survives_json(loss)
    contracts.arguments_are_attributes(loss)
    contracts.is_registered(type(loss))


def test_a_compiled_model_trains_and_reloads_in_a_fresh_process(fresh_process, model_path):
    model, (x, labels) = network(), data()
    model.compile(
        "sgd", loss={name: loss for name, (loss, _, _) in zip(NAMES, LOSSES, strict=True)}
    )
    before = model.evaluate(x, labels, verbose=0, return_dict=True)
    model.fit(x, labels, epochs=3, verbose=0)
    expected = model.evaluate(x, labels, verbose=0, return_dict=True)
    assert expected["loss"] < before["loss"]
    model.save(model_path)
    # The same operations on the same weights, traced anew: equal but for the last bits.
    found = fresh_process.evaluate(model_path, x, labels)
    assert found["loss"] == pytest.approx(expected["loss"], rel=1e-6)


def test_terms_of_them_train_and_reload_in_a_fresh_process(fresh_process, model_path):
    model, (x, labels) = kml.MultiLossModel.from_model(network()), data()
    terms = [kml.LossTerm(loss, name) for name, (loss, _, _) in zip(NAMES, LOSSES, strict=True)]
    model.compile("sgd", loss=kml.WeightedSumLoss(terms))
    model.fit(x, labels, epochs=2, verbose=0)
    expected = model.evaluate(x, labels, verbose=0, return_dict=True)
    model.save(model_path)
    assert fresh_process.evaluate(model_path, x, labels) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("loss", "label", "activation"), LOSSES[:-1], ids=NAMES[:-1])
def test_a_function_is_a_term_as_its_class_is(loss, label, activation):
    labels, outputs = {"y": label.astype("float32")}, {"y": outputs_for(label, activation)}
    terms = [kml.LossTerm(x, "y") for x in (type(loss)(), type(loss).function)]
    values = [float(kml.WeightedSumLoss([term])(labels, outputs)) for term in terms]
    assert values[0] == pytest.approx(values[1], rel=1e-6)


@every_loss
def test_an_empty_batch_has_finite_sums_and_gradients(loss, label, activation):
    empty = label[:0].astype("float32")
    found = ops.sum(loss.call(empty, ops.convert_to_tensor(empty)))
    assert float(found) == (pytest.approx(np.log(1e-3)) if "Kappa" in type(loss).__name__ else 0.0)
    (gradient,) = gradients(lambda output: ops.sum(loss.call(empty, output)), (empty,))
    assert gradient.shape == empty.shape
