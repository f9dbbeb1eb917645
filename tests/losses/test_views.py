"""The losses of two views or towers: limits, laws and small batches."""

import numpy as np
import pytest

from keras_multiloss import losses
from keras_multiloss._platform import ops
from tests.losses.messages import exactly
from tests.losses.references_of_embeddings import vicreg

RNG = np.random.default_rng(10)
ONE, OTHER = RNG.normal(size=(2, 6, 4)).astype("float32")
ORDER = RNG.permutation(6)
#: Sums of six float32 numbers in another order.
CLOSE = {"rel": 1e-5, "abs": 1e-6}

LOSSES = [
    losses.NTXentLoss(),
    losses.InBatchSoftmaxLoss(),
    losses.BarlowTwinsLoss(),
    losses.VICRegLoss(),
    losses.OrthogonalityLoss(),
]
every_loss = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)


@every_loss
def test_the_order_of_the_samples_is_irrelevant(loss):
    shuffled = (ONE[ORDER], OTHER[ORDER])
    assert float(loss(None, shuffled)) == pytest.approx(float(loss(None, (ONE, OTHER))), **CLOSE)


@every_loss
def test_a_batch_of_one_has_a_finite_value(loss):
    expected = {"barlow_twins": 4.0}  # every correlation counts as 0, and there are 4 features
    found = float(loss(None, (ONE[:1], ONE[:1])))
    assert np.isfinite(found)
    assert found == pytest.approx(expected.get(loss.name, found))


@pytest.mark.parametrize("loss", [losses.NTXentLoss(), losses.InBatchSoftmaxLoss()])
def test_a_batch_of_one_has_nothing_to_tell_apart(loss):
    assert float(loss(None, (ONE[:1], OTHER[:1]))) == 0.0


@every_loss
def test_images_in_place_of_vectors_are_refused(loss):
    images = ONE.reshape(6, 2, 2)
    message = exactly(
        f"{type(loss).__name__}: an output is not one vector per sample.",
        "  Expected: outputs of shape (batch, n)",
        "  Received: shape (6, 2, 2)",
        "  Hint: put a Flatten or a pooling layer before the output",
    )
    with pytest.raises(ValueError, match=message):
        loss(None, (images, images))


def test_nt_xent_sees_angles_only():
    loss = losses.NTXentLoss()
    scaled = (ONE * np.arange(1, 7).reshape(6, 1), 0.1 * OTHER)
    assert float(loss(None, scaled)) == pytest.approx(float(loss(None, (ONE, OTHER))), **CLOSE)


def test_nt_xent_is_the_same_for_swapped_views():
    loss = losses.NTXentLoss()
    assert float(loss(None, (OTHER, ONE))) == pytest.approx(
        float(loss(None, (ONE, OTHER))), **CLOSE
    )


def test_in_batch_softmax_of_equal_items_is_the_log_of_their_number():
    items = np.repeat(ONE[:1], 6, axis=0)
    found = float(losses.InBatchSoftmaxLoss()(None, (ONE, items)))
    assert found == pytest.approx(np.log(6), **CLOSE)


def test_a_constant_log_q_changes_nothing():
    loss, log_q = losses.InBatchSoftmaxLoss(), np.full((6, 1), -3.0)
    found = float(loss(log_q, (ONE, OTHER)))
    assert found == pytest.approx(float(loss(None, (ONE, OTHER))), **CLOSE)


def test_barlow_twins_does_not_see_shift_and_scale():
    loss = losses.BarlowTwinsLoss()
    moved = (3.0 * ONE + 1.0, 0.5 * OTHER - 2.0)
    # The 1e-5 beside a variance near 1 is seen by 2e-5.
    assert float(loss(None, moved)) == pytest.approx(float(loss(None, (ONE, OTHER))), rel=1e-4)


def test_barlow_twins_correlations_are_those_of_numpy():
    correlation = np.corrcoef(ONE, OTHER, rowvar=False)[:4, 4:]
    expected = np.sum((1 - np.diag(correlation)) ** 2)
    expected += 5.1e-3 * (np.sum(correlation**2) - np.sum(np.diag(correlation) ** 2))
    found = float(losses.BarlowTwinsLoss()(None, (ONE, OTHER)))
    assert found == pytest.approx(expected, rel=1e-4)  # 1e-5 is added to the variances


def test_vicreg_of_constant_views_is_their_missing_variance():
    constant = np.ones((6, 4), "float32")
    # 25 for each view, less the root of epsilon, 0.01.
    found = float(losses.VICRegLoss()(None, (constant, constant)))
    assert found == pytest.approx(2 * 25 * 0.99, rel=1e-6)


def test_the_parts_of_vicreg_are_its_three_weighed_terms():
    loss = losses.VICRegLoss(invariance_weight=2.0, variance_weight=3.0, covariance_weight=5.0)
    found = loss.call(None, (ops.convert_to_tensor(ONE), ops.convert_to_tensor(OTHER)))
    for i, name in enumerate(["invariance", "variance", "covariance"]):
        weights = [0.0, 0.0, 0.0]
        weights[i] = [2.0, 3.0, 5.0][i]
        expected = vicreg(None, ONE.astype("float64"), OTHER.astype("float64"), weights)
        part = ops.convert_to_numpy(found[name])
        np.testing.assert_allclose(part, expected, rtol=1e-5)  # sums of float32 numbers
    assert list(found) == ["invariance", "variance", "covariance"]


def test_orthogonality_is_the_squared_frobenius_norm_of_the_product():
    a = ONE / np.linalg.norm(ONE, axis=1, keepdims=True)
    b = OTHER[:, :2] / np.linalg.norm(OTHER[:, :2], axis=1, keepdims=True)
    found = float(losses.OrthogonalityLoss()(None, (ONE, OTHER[:, :2])))
    assert found == pytest.approx(np.linalg.norm(a.T @ b) ** 2 / 36, rel=1e-5)
