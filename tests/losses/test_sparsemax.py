"""`SparsemaxLoss`: the projection by bisection, the loss by its integral, and ruled out classes."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import ops
from keras_multiloss.losses._sparsemax import (
    SparsemaxLoss,
    sparsemax,
    sparsemax_loss,
    sparsemax_loss_from_logits,
)
from tests.losses.gradients import gradients
from tests.losses.messages import exactly

RNG = np.random.default_rng(3)
LOGITS = RNG.normal(size=(6, 5))
LABELS = np.eye(5)[[0, 1, 2, 3, 4, 0]]
SOFT_LABELS = RNG.dirichlet(np.ones(5), 6)

every_label = pytest.mark.parametrize("label", [LABELS, SOFT_LABELS], ids=["hard", "soft"])


def tensor(array):
    return ops.convert_to_tensor(np.asarray(array, "float32"))


def values(label, output):
    return ops.convert_to_numpy(sparsemax_loss_from_logits(tensor(label), tensor(output)))


def projection(logits):
    return ops.convert_to_numpy(sparsemax(tensor(logits)))


def by_bisection(logits):
    """The sparsemax: the threshold at which what is above it adds up to one."""
    low, high = logits.min(-1, keepdims=True) - 1, logits.max(-1, keepdims=True)
    for _ in range(100):
        middle = (low + high) / 2
        is_low = np.maximum(logits - middle, 0).sum(-1, keepdims=True) > 1
        low, high = np.where(is_low, middle, low), np.where(is_low, high, middle)
    return np.maximum(logits - low, 0)


def reference(label, logits):
    p = by_bisection(logits)
    terms = p * logits - p**2 / 2 + label**2 / 2 - label * logits
    return terms.sum(-1)


@pytest.mark.parametrize(
    ("logits", "expected"),
    [
        ([0.0, 0.0], [0.5, 0.5]),
        ([0.5, 0.0], [0.75, 0.25]),  # Martins and Astudillo, section 2.3: linear for |t| < 1 ...
        ([1.0, 0.0], [1.0, 0.0]),
        ([7.0, 0.0], [1.0, 0.0]),  # ... and constant beyond
        ([0.5, 0.5, -2.0], [0.5, 0.5, 0.0]),
        ([3.0], [1.0]),
    ],
)
def test_the_projection_by_hand(logits, expected):
    assert projection([logits])[0].tolist() == pytest.approx(expected)


@pytest.mark.parametrize("offset", [0.0, 1000.0])
@pytest.mark.parametrize("scale", [0.1, 1.0, 10.0])
def test_the_projection_is_that_by_bisection(offset, scale):
    logits = RNG.normal(size=(20, 7)) * scale + offset
    # The logits themselves are rounded by 3e-5 near 1000.
    np.testing.assert_allclose(
        projection(logits), by_bisection(logits), atol=1e-4 if offset else 2e-6
    )


@every_label
def test_values_equal_the_reference(label):
    np.testing.assert_allclose(
        values(label, LOGITS), reference(label, LOGITS), rtol=2e-6, atol=1e-6
    )


def test_the_loss_of_two_classes_is_that_of_the_paper():
    # Martins and Astudillo, section 3.3: a modified Huber loss of the difference of the logits.
    for difference, expected in [(-2.0, 2.0), (-1.0, 1.0), (0.0, 0.25), (0.5, 0.0625), (1.0, 0.0)]:
        assert values([[1.0, 0.0]], [[difference, 0.0]]) == pytest.approx(expected)


@every_label
def test_the_gradient_is_sparsemax_less_the_label(label):
    found = gradients(
        lambda logits: ops.sum(sparsemax_loss_from_logits(tensor(label), logits)), (LOGITS,)
    )
    np.testing.assert_allclose(found[0], by_bisection(LOGITS) - label, atol=2e-6)


def test_the_gradient_is_exact_where_logits_tie():
    found = gradients(
        lambda logits: ops.sum(sparsemax_loss_from_logits(tensor([[1.0, 0, 0]]), logits)),
        (np.array([[1.0, 1.0, 0.0]]),),
    )
    assert found[0].tolist() == [[-0.5, 0.5, 0.0]]


def test_a_margin_of_one_has_no_loss_and_no_gradient():
    label, logits = np.array([[0.0, 1.0, 0.0]]), np.array([[0.5, 2.0, -1.0]])
    assert values(label, logits) == 0.0
    found = gradients(lambda z: ops.sum(sparsemax_loss_from_logits(tensor(label), z)), (logits,))
    assert found[0].tolist() == [[0.0, 0.0, 0.0]]


def test_ruled_out_classes_count_nowhere():
    without = values(LABELS[:3, :3], LOGITS[:3, :3])
    logits = np.concatenate([LOGITS[:3, :3], np.full((3, 2), -np.inf)], axis=-1)
    np.testing.assert_allclose(values(LABELS[:3], logits), without, rtol=1e-6)
    found = gradients(
        lambda z: ops.sum(sparsemax_loss_from_logits(tensor(LABELS[:3]), z)), (logits,)
    )
    np.testing.assert_allclose(
        found[0][:, :3], by_bisection(LOGITS[:3, :3]) - LABELS[:3, :3], atol=2e-6
    )
    assert found[0][:, 3:].tolist() == [[0.0, 0.0]] * 3


def test_a_label_that_is_ruled_out_has_an_infinite_loss():
    assert values([[1.0, 0.0]], [[-np.inf, 0.0]]) == np.inf


@pytest.mark.parametrize("logits", [[np.nan, 0.0], [np.inf, 0.0], [-np.inf, -np.inf]])
def test_logits_without_a_sparsemax_have_no_loss(logits):
    assert np.isnan(values([[1.0, 0.0]], [logits]))


def test_given_sparsemax_leaves_the_gradient_as_it_is():
    found = gradients(
        lambda z: ops.sum(sparsemax_loss(z, tensor(by_bisection(LOGITS)), tensor(LABELS))),
        (LOGITS,),
    )
    np.testing.assert_allclose(found[0], by_bisection(LOGITS) - LABELS, atol=2e-6)


def test_there_may_be_more_axes():
    label, logits = LABELS.reshape(2, 3, 5), LOGITS.reshape(2, 3, 5)
    np.testing.assert_allclose(values(label, logits), values(LABELS, LOGITS).reshape(2, 3))


def test_integer_labels_and_half_precision():
    label = ops.convert_to_tensor(LABELS.astype("int32"))
    found = sparsemax_loss_from_logits(label, ops.cast(tensor(LOGITS), "float16"))
    assert "float16" in str(found.dtype)
    # Float16 keeps 5e-4 of each logit.
    expected = reference(LABELS, LOGITS)
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=5e-3, atol=5e-3)


def test_rows_with_a_missing_label_are_left_out_of_a_term():
    label = LABELS.astype("float32")
    label[1, 2] = np.nan
    label[4] = np.nan
    term = kml.LossTerm(SparsemaxLoss(), "y", mask="nan")
    found = float(kml.WeightedSumLoss([term])({"y": label}, {"y": LOGITS.astype("float32")}))
    there = [0, 2, 3, 5]
    assert found == pytest.approx(reference(LABELS[there], LOGITS[there]).mean(), rel=2e-6)


def test_an_object_refuses_class_numbers():
    with pytest.raises(ValueError, match="the label does not have the shape of the output"):
        SparsemaxLoss()(np.array([0, 1, 2, 3, 4, 0]), LOGITS)


def test_probabilities_are_refused():
    message = exactly(
        "SparsemaxLoss: the outputs must be logits.",
        "  Expected: from_logits=True",
        "  Received: False",
        "  Hint: drop the activation of the output layer",
    )
    with pytest.raises(ValueError, match=message):
        SparsemaxLoss(from_logits=False)


def test_the_config_has_all_arguments():
    config = SparsemaxLoss(reduction="sum").get_config()
    assert config == {"name": "sparsemax_loss", "reduction": "sum", "from_logits": True}
