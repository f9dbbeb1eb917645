"""State in files: by the names of terms, and an error where it does not fit."""

import io
import json
import zipfile

import h5py
import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras, ops
from tests.conftest import two_heads, two_heads_data

OPTIONS = {"batch_size": 8, "shuffle": False, "verbose": 0}


def terms(order=("age", "sex")):
    losses = {"age": "mse", "sex": "mae", "size": "mse"}
    return [kml.LossTerm(losses[n], "age" if n == "size" else n, name=n) for n in order]


def compiled(weighting=None, aggregator=None, order=("age", "sex")):
    model = kml.MultiLossModel.from_model(two_heads())
    loss = kml.WeightedSumLoss(terms(order), weighting=weighting)
    model.compile(keras.optimizers.SGD(0.1), loss=loss, aggregator=aggregator)
    return model


def trained(**options):
    model = compiled(**options)
    model.fit(*two_heads_data(), epochs=2, **OPTIONS)
    return model


def state_of(model):
    """The values of all state variables, each place by the name of its term."""
    found = {}
    for layer in (model.term_weight_state(), model.aggregator_state()):
        if layer is None:
            continue
        names = layer.state_terms()
        order = np.argsort(names)
        for key, variable in layer.state_variables().items():
            value = ops.convert_to_numpy(ops.convert_to_tensor(variable))
            for axis in layer.term_axes(key):
                value = np.take(value, order, axis=axis)
            found[f"{layer.name} {key}"] = value.tolist()
    return found


@pytest.mark.parametrize(
    "rules",
    [
        {"weighting": "famo"},
        {"weighting": "uncertainty"},
        {"weighting": "dynamic_weight_average"},
        {"aggregator": "grad_vac"},
        {"aggregator": "moco"},
        {"weighting": "relobralo", "aggregator": "grad_norm"},
    ],
    ids=str,
)
@pytest.mark.sample(3)
def test_the_same_terms_in_another_order_load_rightly(rules, tmp_path):
    path = tmp_path / "model.weights.h5"
    model = trained(**rules)
    model.save_weights(path)
    other = trained(**rules, order=("sex", "age"))  # Keras fills optimizers that have variables
    assert state_of(other) != state_of(model)
    other.load_weights(path)
    assert state_of(other) == state_of(model)


MISFITS = [
    ({"weighting": "uncertainty", "order": ("age", "sex", "size")}, "the state of other terms"),
    ({"weighting": "uncertainty", "order": ("age", "size")}, "the state of other terms"),
    ({"weighting": "famo"}, "the file has other state variables"),
]


@pytest.mark.parametrize(("other", "message"), MISFITS)
def test_weights_of_another_weighting_or_other_terms_are_refused(other, message, tmp_path):
    path = tmp_path / "model.weights.h5"
    trained(weighting="uncertainty").save_weights(path)
    model = compiled(**other)
    before = state_of(model)
    with pytest.raises(ValueError, match=message):
        model.load_weights(path)
    assert state_of(model) == before


def test_weights_of_another_aggregator_are_refused(tmp_path):
    path = tmp_path / "model.weights.h5"
    trained(aggregator="moco").save_weights(path)
    with pytest.raises(ValueError, match="the file has other state variables"):
        compiled(aggregator="grad_norm").load_weights(path)


def test_weights_of_a_model_whose_weights_did_not_move_leave_the_state_alone(tmp_path):
    path = tmp_path / "model.weights.h5"
    trained().save_weights(path)
    model = compiled(weighting="famo")
    model.load_weights(path)
    assert state_of(model) == state_of(compiled(weighting="famo"))


def place_of_state(file):
    """Where Keras keeps the state of a model: under its attribute, or among the layers."""
    return next(name for name in ("_term_weights", "layers/term_weight_state") if name in file)


def damaged(path, change):
    """The file with something changed in the group of the state."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    weights = io.BytesIO(members["model.weights.h5"])
    with h5py.File(weights, "r+") as file:
        change(file[place_of_state(file)])
    members["model.weights.h5"] = weights.getvalue()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def _reshape(group):
    group = group["vars"]
    del group["acting"]
    group["acting"] = np.ones(5, "float32")


def _other_terms(group):
    group = group["vars"]
    del group["terms"]
    group["terms"] = np.frombuffer(json.dumps(["a", "b"]).encode(), "uint8")


DAMAGES = {
    "a variable is missing": (
        lambda group: group["vars"].pop("rule_log_variance"),
        "the file has other state variables",
    ),
    "a shape is wrong": (_reshape, "state variable 'acting' of the file has another shape"),
    "the terms are others": (_other_terms, "the state of other terms"),
    "all of it is missing": (
        lambda group: group.pop("vars"),
        "the file does not have its state",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_refused(damage, model_path):
    change, message = DAMAGES[damage]
    trained(weighting="uncertainty").save(model_path)
    damaged(model_path, change)
    with pytest.raises(ValueError, match=message):
        keras.saving.load_model(model_path)


def test_the_message_says_what_does_not_fit(tmp_path):
    path = tmp_path / "model.weights.h5"
    trained(weighting="uncertainty").save_weights(path)
    with pytest.raises(ValueError, match="term_weights") as raised:
        compiled(weighting="uncertainty", order=("age", "size")).load_weights(path)
    lines = str(raised.value).splitlines()
    start = next(i for i, line in enumerate(lines) if "TermWeightState" in line and "file" in line)
    assert lines[start + 1 : start + 3] == [
        "  Expected: ['age', 'size']",
        "  Received: ['age', 'sex']",
    ]


def test_what_is_only_a_log_is_in_no_file(model_path):
    model = kml.attach_losses(two_heads(), kml.WeightedSumLoss(terms(), weighting="famo"))
    assert not any("sums" in w.name or "epoch" in w.name for w in model.weights)
    model.compile("sgd")
    model.save(model_path)
    with zipfile.ZipFile(model_path) as archive:
        file = h5py.File(io.BytesIO(archive.read("model.weights.h5")))
        variables = []
        file.visititems(
            lambda name, part: variables.append(name) if hasattr(part, "dtype") else None
        )
    assert variables
    assert not any("sums" in x or "epoch" in x or "running" in x for x in variables)
