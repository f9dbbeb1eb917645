"""Inputs, outputs, labels and sample weights by name."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import ops, set_keras_mask
from keras_multiloss.spec import Batch
from tests.losses.gradients import gradients

LOSS = kml.LossTerm("mse", "a") + kml.LossTerm("mse", "b", "c", name="other")


def ones(n=2):
    return np.ones((n, 1), "float32")


def test_everything_is_named_once():
    batch = Batch.of(
        LOSS,
        {"a": ones(), "c": ones()},
        [ones(), ones()],
        {"other": np.ones(2)},
        x=[ones(), ones()],
        output_names=["a", "b"],
        input_names=["left", "right"],
    )
    assert set(batch.outputs) == {0, 1, "a", "b"}
    assert set(batch.labels) == {"a", "c"}
    assert set(batch.sample_weights) == {"other"}
    assert set(batch.inputs) == {0, 1, "left", "right"}


def test_a_term_sees_a_tensor_for_a_name_and_a_tuple_for_a_list():
    batch = Batch({"a": ones(), "b": ones()}, {"c": ones()})
    several = kml.LossTerm(kml.losses.ConsistencyLoss(), ["a", "b"], labels=None)
    assert isinstance(batch.output(several, "t"), tuple)
    assert batch.label(several, "t") is None
    assert tuple(batch.output(LOSS["other"], "other").shape) == (2, 1)


@pytest.mark.parametrize("weights", [None, np.ones(2)])
def test_one_sample_weight_serves_every_term(weights):
    batch = Batch({}, {}, weights)
    assert batch.sample_weight(LOSS["a"], "a") is weights


def test_a_sample_weight_goes_by_output_then_by_term():
    by_output, by_term = np.ones(2), np.zeros(2)
    batch = Batch({}, {}, {"b": by_output, "other": by_term})
    assert batch.sample_weight(LOSS["other"], "other") is by_output
    assert Batch({}, {}, {"other": by_term}).sample_weight(LOSS["other"], "other") is by_term
    assert batch.sample_weight(LOSS["a"], "a") is None


def test_no_gradient_flows_where_a_condition_holds():
    def total(output, *, condition):
        batch = Batch({"a": output}, {}).without_gradient(["a", "absent"], condition)
        return ops.sum(batch.outputs["a"])

    for condition, expected in [(True, 0.0), (False, 1.0)]:
        is_zero = ops.convert_to_tensor(condition)
        (found,) = gradients(lambda x, c=is_zero: total(x, condition=c), [ones()])
        assert found.tolist() == [[expected], [expected]]


def test_a_mask_of_keras_stays_on_outputs_without_gradient():
    output = ops.convert_to_tensor(np.ones((2, 3), "float32"))
    set_keras_mask(output, ops.convert_to_tensor(np.array([[True, True, False]] * 2)))
    term = kml.LossTerm("mse", "a", weight=0.0)
    batch = Batch({"a": output}, {"a": ops.zeros((2, 3))}).without_gradient(["a"])
    assert ops.convert_to_numpy(term.evaluated(term.tensors(batch, "a"), "a").counted).sum() == 4
