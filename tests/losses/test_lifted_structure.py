"""`LiftedStructLoss` and its function."""

import numpy as np
import pytest

from keras_multiloss._platform import ops
from keras_multiloss.losses._lifted_structure import LiftedStructLoss, lifted_struct_loss
from tests.losses import metric_learning
from tests.losses.gradients import finite_differences, gradients

LABELS = np.array([0, 1, 2, 0, 1, 1, 0, 3])
EMBEDDINGS = np.random.default_rng(4).normal(size=(8, 3))


def value(labels, embeddings, **arguments):
    return float(lifted_struct_loss(labels, embeddings.astype("float32"), **arguments))


@pytest.mark.parametrize("margin", [1.0, 0.0, -2.0])
def test_it_is_the_loss_of_its_pairs(margin):
    expected = metric_learning.lifted_structure(LABELS, EMBEDDINGS, margin)
    assert value(LABELS, EMBEDDINGS, margin=margin) == pytest.approx(expected, rel=1e-5)


def test_by_hand():
    # Pair (0, 1) at distance 1; its negative is at 1 from the first, at 0 from the second:
    # J = 1 + log(exp(1 - 1) + exp(1 - 0)) = 2.3133, and J^2 / 2 = 2.6756.
    embeddings = np.array([[0.0], [1.0], [1.0]])
    assert value(np.array([0, 0, 1]), embeddings) == pytest.approx(2.675589, rel=1e-6)


def test_its_gradients_are_finite_differences():
    (found,) = gradients(lambda x: lifted_struct_loss(LABELS, x), (EMBEDDINGS,))
    (expected,) = finite_differences(
        lambda x: metric_learning.lifted_structure(LABELS, x), (EMBEDDINGS,)
    )
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-5)


@pytest.mark.parametrize("labels", [np.zeros(8), np.arange(8)], ids=["one class", "no pairs"])
def test_without_negatives_or_pairs_it_is_zero_and_does_not_move(labels):
    assert value(labels, EMBEDDINGS) == 0.0
    (found,) = gradients(lambda x: lifted_struct_loss(labels, x), (EMBEDDINGS,))
    np.testing.assert_array_equal(found, 0.0)


def test_samples_at_one_place_have_a_finite_gradient():
    samples = np.tile(EMBEDDINGS[:1], (8, 1))
    (found,) = gradients(lambda x: lifted_struct_loss(LABELS, x), (samples,))
    assert np.all(np.isfinite(found))


def test_large_margins_do_not_overflow():
    # exp(margin) is past float32; J = D + margin + log-sum-exp(-D).
    expected = metric_learning.lifted_structure(LABELS, EMBEDDINGS, margin=200.0)
    assert value(LABELS, EMBEDDINGS, margin=200.0) == pytest.approx(expected, rel=1e-5)


def test_the_class_keeps_its_margin():
    loss = LiftedStructLoss(margin=0.25)
    after = LiftedStructLoss.from_config(loss.get_config())
    labels, embeddings = ops.convert_to_tensor(LABELS), EMBEDDINGS.astype("float32")
    expected = metric_learning.lifted_structure(LABELS, EMBEDDINGS, 0.25)
    assert float(after(labels, embeddings)) == pytest.approx(expected, rel=1e-5)
