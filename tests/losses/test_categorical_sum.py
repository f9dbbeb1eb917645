"""`CategoricalSumNLL`: dice, impossible sums, and probabilities that add up."""

import numpy as np
import pytest

from keras_multiloss._platform import ops
from keras_multiloss.losses import CategoricalSumNLL
from tests.losses.gradients import gradients
from tests.losses.messages import exactly

DIE = np.array([[0, 1, 1, 1, 1, 1, 1]], "float32") / 6


def nll(label, *outputs, **arguments):
    label = ops.convert_to_tensor(np.asarray(label))
    outputs = tuple(ops.convert_to_tensor(np.asarray(out, "float32")) for out in outputs)
    return ops.convert_to_numpy(CategoricalSumNLL(**arguments).call(label, outputs))


@pytest.mark.parametrize(("total", "ways"), [(2, 1), (7, 6), (11, 2)])
def test_two_dice(total, ways):
    assert nll([total], DIE, DIE) == pytest.approx(-np.log(ways / 36), rel=1e-6)


def test_three_dice():
    assert nll([10], DIE, DIE, DIE) == pytest.approx(-np.log(27 / 216), rel=1e-6)


def test_the_probabilities_of_all_sums_add_up_to_one():
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=(1, 5)), rng.normal(size=(1, 8))
    values = [nll([total], left, right, from_logits=True)[0] for total in range(5 + 8 - 1)]
    assert np.exp(-np.array(values)).sum() == pytest.approx(1.0, rel=1e-6)


def test_the_order_of_the_outputs_is_irrelevant():
    rng = np.random.default_rng(1)
    left, right = rng.normal(size=(4, 5)), rng.normal(size=(4, 8))
    label = [0, 3, 8, 11]
    np.testing.assert_allclose(
        nll(label, left, right, from_logits=True),
        nll(label, right, left, from_logits=True),
        rtol=1e-6,  # other roundings of the same sums
    )


def test_far_logits_keep_their_exact_distance():
    logits = [[0.0, -1000.0]]
    assert nll([2], logits, logits, from_logits=True) == [2000.0]


@pytest.mark.parametrize("label", [-1, 13, 2.5, np.nan])
def test_an_impossible_sum_has_a_constant_loss_and_no_gradient(label):
    # -log of the smallest normal float32 number, 2 ** -126
    assert nll([label], DIE, DIE) == pytest.approx(126 * np.log(2), rel=1e-6)
    label = np.array([label], "float32")
    found = gradients(
        lambda left, right: ops.sum(CategoricalSumNLL().call(label, (left, right))), (DIE, DIE)
    )
    assert not np.any(found)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "float32"])
def test_labels_may_have_any_dtype_and_an_axis_of_one(dtype):
    label = np.array([[7], [2]], dtype)
    die = np.repeat(DIE, 2, axis=0)
    np.testing.assert_array_equal(nll(label, die, die), nll(label[:, 0], die, die))


def test_axes_between_batch_and_classes_are_kept():
    rng = np.random.default_rng(2)
    left, right = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 3, 4))
    label = np.array([[0, 1, 2], [4, 5, 6]])
    values = nll(label, left, right, from_logits=True)
    assert values.shape == (2, 3)
    assert values[1, 0] == pytest.approx(
        nll([4], left[1, :1], right[1, :1], from_logits=True)[0], rel=1e-6
    )


def test_a_label_for_each_output_is_refused():
    message = exactly(
        "CategoricalSumNLL: the label does not fit the output.",
        "  Expected: a class number for each distribution, a label of shape (2,)",
        "  Received: shape (2, 2)",
    )
    with pytest.raises(ValueError, match=message):
        nll([[3, 4], [5, 6]], np.repeat(DIE, 2, axis=0), np.repeat(DIE, 2, axis=0))


def test_one_output_is_refused():
    message = exactly(
        "CategoricalSumNLL: it needs several outputs.",
        "  Expected: two or more outputs",
        "  Received: one tensor of shape (1, 7)",
        "  Hint: name them in a term: LossTerm(CategoricalSumNLL(), ['a', 'b'], ...)",
    )
    with pytest.raises(ValueError, match=message):
        CategoricalSumNLL()(np.array([3]), DIE)
