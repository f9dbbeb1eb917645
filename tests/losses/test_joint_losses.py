"""What holds for every joint loss: values, gradients, masks, weights, configs, messages."""

import json

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras, ops
from keras_multiloss.spec import Batch
from tests.losses.case import Case, as_given, total
from tests.losses.cases import CASES
from tests.losses.gradients import finite_differences, gradients

#: Float32 keeps 6e-8 of each number; a value is some ten operations on numbers near 1.
TOLERANCE = {"rtol": 2e-6, "atol": 2e-6}
#: A gradient entry sums up to 100 such products (the ways to make a sum).
GRADIENT_TOLERANCE = {"rtol": 2e-5, "atol": 5e-6}

every_loss = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
labelled = [case for case in CASES if case.labels]
by_sample = [case for case in labelled if not case.is_coupled]


def values(case: Case, outputs=None, labels=None):
    outputs = case.outputs if outputs is None else outputs
    labels = case.labels if labels is None else labels
    return ops.convert_to_numpy(total(case.loss.call(tensors(labels), tensors(outputs))))


def gradients_of(case: Case, outputs):
    labels = tensors(case.labels)
    return gradients(lambda *x: ops.sum(total(case.loss.call(labels, as_given(x)))), outputs)


def tensors(arrays):
    return as_given(tuple(ops.convert_to_tensor(array.astype("float32")) for array in arrays))


def mean_of_samples(case):
    """The reference, one value a sample."""
    return case.reference(case.label, *case.outputs).reshape(4, -1).mean(axis=1)


def term_loss(case: Case, labels, sample_weight=None, **arguments):
    outputs = dict(zip(case.output_names, (x.astype("float32") for x in case.outputs), strict=True))
    data = dict(zip(case.label_names, labels, strict=True))
    loss = kml.WeightedSumLoss([case.term(name="joint", **arguments)])
    return float(loss(data, outputs, sample_weight))


@every_loss
def test_values_equal_the_reference(case):
    np.testing.assert_allclose(values(case), case.reference(case.label, *case.outputs), **TOLERANCE)


@every_loss
def test_gradients_equal_finite_differences_of_the_reference(case):
    found = gradients_of(case, case.outputs)
    expected = finite_differences(
        lambda *outputs: case.reference(case.label, *outputs).sum(), case.outputs
    )
    for i in range(len(case.outputs)):
        moves = 0.0 if i in case.frozen else 1.0
        np.testing.assert_allclose(found[i], moves * expected[i], **GRADIENT_TOLERANCE)


@every_loss
def test_extreme_outputs_have_finite_values_and_gradients(case):
    assert np.isfinite(values(case, case.extreme)).all()
    assert all(np.isfinite(gradient).all() for gradient in gradients_of(case, case.extreme))


@every_loss
def test_there_is_one_value_a_sample(case):
    assert values(case).shape[0] == len(case.outputs[0])


@every_loss
def test_terms_that_share_a_loss_over_samples_are_computed_as_one(case):
    outputs, labels, terms = {}, {}, []
    for t in range(2):
        terms.append(case.term(f"{t}_", name=f"t{t}"))
        named = [
            (outputs, case.output_names, case.outputs),
            (labels, case.label_names, case.labels),
        ]
        for found, names, arrays in named:
            for name, array in zip(names, arrays, strict=True):
                found[f"{t}_{name}"] = np.roll(array, t, axis=0).astype("float32")
    fused, single = kml.WeightedSumLoss(terms), kml.WeightedSumLoss(terms, fuse=False)
    blocks = fused.tasks.blocks(Batch.of(fused, labels, outputs), {}, fuse=True)
    assert len(blocks) == (1 if case.loss.is_sample_wise else 2)
    assert float(fused(labels, outputs)) == pytest.approx(float(single(labels, outputs)), rel=1e-5)


@every_loss
def test_a_loss_that_couples_samples_does_not_say_otherwise(case):
    assert not (case.is_coupled and case.loss.is_sample_wise)


@every_loss
def test_an_empty_batch_gives_zero(case):
    outputs = as_given(tuple(output[:0].astype("float32") for output in case.outputs))
    assert float(case.loss(tensors([label[:0] for label in case.labels]), outputs)) == 0.0


@every_loss
def test_sample_weights_multiply_the_values_of_the_samples(case):
    weights = np.array([0.0, 1.0, 2.0, 0.5], "float32")
    per_sample = mean_of_samples(case)
    assert term_loss(case, case.labels, weights) == pytest.approx(
        np.mean(weights * per_sample), rel=1e-5
    )


@pytest.mark.parametrize("case", by_sample, ids=lambda case: case.name)
def test_missing_labels_are_left_out(case):
    labels = [label.astype("float32") for label in case.labels]
    labels[0][[1, 3]] = np.nan
    assert term_loss(case, labels, mask="nan") == pytest.approx(
        np.mean(mean_of_samples(case)[[0, 2]]), rel=1e-5
    )


@pytest.mark.parametrize("case", labelled, ids=lambda case: case.name)
def test_all_labels_missing_gives_zero(case):
    labels = [np.full_like(label, np.nan, dtype="float32") for label in case.labels]
    assert term_loss(case, labels, mask="nan") == 0.0


@pytest.mark.parametrize(
    "case", [case for case in labelled if case.needs_labels], ids=lambda case: case.name
)
def test_a_loss_without_its_labels_says_so(case):
    needed = "one label" if len(case.labels) == 1 else f"{len(case.labels)} labels"
    with pytest.raises(ValueError, match=f"it needs {needed}"):
        case.loss(None, as_given(case.outputs))


@every_loss
def test_half_precision_outputs_give_a_float32_loss(case):
    outputs = tuple(ops.cast(output.astype("float32"), "float16") for output in case.outputs)
    loss = case.loss(case.label, as_given(outputs))
    assert "float32" in str(loss.dtype)
    # Float16 keeps 5e-4 of each output.
    expected = case.reference(case.label, *case.outputs).mean()
    assert float(loss) == pytest.approx(expected, rel=5e-3)


@every_loss
def test_the_config_survives_json(case):
    config = json.loads(json.dumps(case.term().get_config()))
    loss = kml.LossTerm.from_config(config).loss
    assert type(loss) is type(case.loss)
    assert loss.get_config() == case.loss.get_config()


@pytest.mark.parametrize(
    "case", [case for case in CASES if not case.takes_one_or_two], ids=lambda case: case.name
)
def test_another_number_of_outputs_is_refused(case):
    outputs = case.outputs[:1] if len(case.outputs) > 1 else case.outputs * 2
    with pytest.raises(ValueError, match=r"it needs (several|one|\d) outputs?"):
        case.loss(case.label, outputs)


@every_loss
def test_outputs_in_a_dict_are_refused(case):
    outputs = dict(zip(case.output_names, case.outputs, strict=True))
    with pytest.raises(ValueError, match="in a dict"):
        case.loss(case.label, outputs)


def test_a_fresh_process_reloads_every_joint_loss(fresh_process, model_path):
    x = keras.Input((3,), name="x")
    outputs, data, terms = {}, {}, []
    for case in CASES:
        prefix = f"{case.name}_"
        for name, output in zip(case.output_names, case.outputs, strict=True):
            hidden = keras.layers.Dense(output[0].size, activation="sigmoid")(x)
            outputs[prefix + name] = keras.layers.Reshape(output.shape[1:])(hidden)
        data |= {prefix + n: label for n, label in zip(case.label_names, case.labels, strict=True)}
        terms.append(case.term(prefix, name=case.name))
    model = kml.MultiLossModel(x, outputs)
    model.compile("sgd", loss=kml.WeightedSumLoss(terms))
    inputs = np.linspace(-1, 1, 12, dtype="float32").reshape(4, 3)
    logs = model.evaluate(inputs, data, verbose=0, return_dict=True)
    model.save(model_path)
    # The same operations on the same weights, traced anew: equal but for the last bit.
    assert fresh_process.evaluate(model_path, inputs, data) == pytest.approx(logs, rel=1e-6)
