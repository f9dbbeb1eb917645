"""What holds for every joint loss: values, gradients, masks, weights, configs, messages."""

import json

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._keras import keras, ops
from tests.losses.cases import CASES, Case
from tests.losses.gradients import finite_differences, gradients

#: Float32 keeps 6e-8 of each number; a value is some ten operations on numbers near 1.
TOLERANCE = {"rtol": 2e-6, "atol": 2e-6}
#: A gradient entry sums up to 100 such products (the ways to make a sum).
GRADIENT_TOLERANCE = {"rtol": 2e-5, "atol": 5e-6}

every_loss = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
labelled = [case for case in CASES if case.label is not None]


def values(case: Case, outputs=None):
    outputs = case.outputs if outputs is None else outputs
    label = None if case.label is None else ops.convert_to_tensor(case.label.astype("float32"))
    tensors = tuple(ops.convert_to_tensor(output.astype("float32")) for output in outputs)
    return ops.convert_to_numpy(case.loss.call(label, tensors))


def term(case: Case, **arguments):
    labels = None if case.label is None else "label"
    return kml.LossTerm(case.loss, names(case), labels, name="joint", **arguments)


def names(case: Case):
    return [f"output_{i}" for i in range(len(case.outputs))]


def term_loss(case: Case, label, sample_weight=None, **arguments):
    outputs = {n: out.astype("float32") for n, out in zip(names(case), case.outputs, strict=True)}
    labels = {} if label is None else {"label": label}
    return float(kml.WeightedSumLoss([term(case, **arguments)])(labels, outputs, sample_weight))


@every_loss
def test_values_equal_the_reference(case):
    np.testing.assert_allclose(values(case), case.reference(case.label, *case.outputs), **TOLERANCE)


@every_loss
def test_gradients_equal_finite_differences_of_the_reference(case):
    label = None if case.label is None else case.label.astype("float32")
    found = gradients(lambda *outputs: ops.sum(case.loss.call(label, outputs)), case.outputs)
    expected = finite_differences(
        lambda *outputs: case.reference(case.label, *outputs).sum(), case.outputs
    )
    for i in range(len(case.outputs)):
        moves = 0.0 if i in case.frozen else 1.0
        np.testing.assert_allclose(found[i], moves * expected[i], **GRADIENT_TOLERANCE)


@every_loss
def test_extreme_outputs_have_finite_values_and_gradients(case):
    label = None if case.label is None else case.label.astype("float32")
    assert np.isfinite(values(case, case.extreme)).all()
    found = gradients(lambda *outputs: ops.sum(case.loss.call(label, outputs)), case.extreme)
    assert all(np.isfinite(gradient).all() for gradient in found)


@every_loss
def test_there_is_one_value_a_sample(case):
    assert values(case).shape[0] == len(case.outputs[0])


@every_loss
def test_sample_weights_multiply_the_values_of_the_samples(case):
    weights = np.array([0.0, 1.0, 2.0, 0.5], "float32")
    per_sample = case.reference(case.label, *case.outputs).reshape(4)
    assert term_loss(case, case.label, weights) == pytest.approx(
        np.mean(weights * per_sample), rel=1e-5
    )


@pytest.mark.parametrize("case", labelled, ids=lambda case: case.name)
def test_missing_labels_are_left_out(case):
    label = case.label.astype("float32")
    label[1] = np.nan
    label[3] = np.nan
    per_sample = case.reference(case.label, *case.outputs).reshape(4)
    assert term_loss(case, label, mask="nan") == pytest.approx(
        np.mean(per_sample[[0, 2]]), rel=1e-5
    )


@pytest.mark.parametrize("case", labelled, ids=lambda case: case.name)
def test_all_labels_missing_gives_zero(case):
    label = np.full_like(case.label, np.nan, dtype="float32")
    assert term_loss(case, label, mask="nan") == 0.0


@pytest.mark.parametrize("case", labelled, ids=lambda case: case.name)
def test_a_loss_without_its_label_says_so(case):
    with pytest.raises(ValueError, match="it needs one label"):
        case.loss(None, case.outputs)


@every_loss
def test_half_precision_outputs_give_a_float32_loss(case):
    outputs = tuple(ops.cast(output.astype("float32"), "float16") for output in case.outputs)
    loss = case.loss(case.label, outputs)
    assert "float32" in str(loss.dtype)
    # Float16 keeps 5e-4 of each output.
    expected = case.reference(case.label, *case.outputs).mean()
    assert float(loss) == pytest.approx(expected, rel=5e-3)


@every_loss
def test_the_config_survives_json(case):
    config = json.loads(json.dumps(term(case).get_config()))
    loss = kml.LossTerm.from_config(config).loss
    assert type(loss) is type(case.loss)
    assert loss.get_config() == case.loss.get_config()


@every_loss
def test_one_output_is_refused(case):
    with pytest.raises(ValueError, match=r"it needs (several|2) outputs"):
        case.loss(case.label, case.outputs[:1])


@every_loss
def test_outputs_in_a_dict_are_refused(case):
    outputs = dict(zip(names(case), case.outputs, strict=True))
    with pytest.raises(ValueError, match="in a dict"):
        case.loss(case.label, outputs)


def test_a_fresh_process_reloads_every_joint_loss(fresh_process, model_path):
    x = keras.Input((3,), name="x")
    outputs, data, terms = {}, {}, []
    for case in CASES:
        own = [f"{case.name}_{name}" for name in names(case)]
        for name, output in zip(own, case.outputs, strict=True):
            hidden = keras.layers.Dense(output[0].size, activation="sigmoid")(x)
            outputs[name] = keras.layers.Reshape(output.shape[1:])(hidden)
        label = None if case.label is None else f"{case.name}_label"
        data |= {} if label is None else {label: case.label}
        terms.append(kml.LossTerm(case.loss, own, label, name=case.name))
    model = kml.MultiLossModel(x, outputs)
    model.compile("sgd", loss=kml.WeightedSumLoss(terms))
    inputs = np.linspace(-1, 1, 12, dtype="float32").reshape(4, 3)
    logs = model.evaluate(inputs, data, verbose=0, return_dict=True)
    model.save(model_path)
    # The same operations on the same weights, traced anew: equal but for the last bit.
    assert fresh_process.evaluate(model_path, inputs, data) == pytest.approx(logs, rel=1e-6)
