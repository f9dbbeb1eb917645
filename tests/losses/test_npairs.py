"""`NpairsLoss`, `NpairsMultilabelLoss` and their functions."""

import numpy as np
import pytest

from keras_multiloss._platform import ops
from keras_multiloss.losses._npairs import (
    NpairsLoss,
    NpairsMultilabelLoss,
    npairs_loss,
    npairs_multilabel_loss,
)
from tests.losses import metric_learning
from tests.losses.gradients import finite_differences, gradients
from tests.losses.messages import exactly
from tests.sparse import sparse

LABELS = np.array([4, 1, 2, 1, 4, 0])
TAGS = np.array(
    [[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 1, 1], [1, 1, 1, 0], [0, 0, 0, 1], [0, 1, 0, 1]]
)
SIMILARITY = np.random.default_rng(6).normal(size=(6, 6))
CASES = [
    (npairs_loss, LABELS, metric_learning.npairs),
    (npairs_multilabel_loss, TAGS, metric_learning.npairs_multilabel),
]
each = pytest.mark.parametrize(("loss", "label", "reference"), CASES, ids=["labels", "tags"])


@each
def test_it_is_the_cross_entropy_of_its_rows(loss, label, reference):
    value = float(loss(label, SIMILARITY.astype("float32")))
    assert value == pytest.approx(reference(label, SIMILARITY), rel=1e-6)


@each
def test_its_gradients_are_finite_differences(loss, label, reference):
    (found,) = gradients(lambda s: loss(label, s), (SIMILARITY,))
    (expected,) = finite_differences(lambda s: reference(label, s), (SIMILARITY,))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@each
def test_large_similarities_do_not_overflow(loss, label, reference):
    (found,) = gradients(lambda s: loss(label, s), (1e4 * SIMILARITY,))
    assert np.isfinite(float(loss(label, 1e4 * SIMILARITY.astype("float32"))))
    assert np.all(np.isfinite(found))


def test_labels_in_a_column_are_those_in_a_row():
    similarity = SIMILARITY.astype("float32")
    expected = float(npairs_loss(LABELS, similarity))
    assert float(npairs_loss(LABELS[:, None], similarity)) == expected
    assert float(NpairsLoss()(LABELS[:, None], similarity)) == expected


def test_a_sample_without_any_class_adds_nothing():
    tags = TAGS.copy()
    tags[2] = 0
    (found,) = gradients(lambda s: npairs_multilabel_loss(tags, s), (SIMILARITY,))
    expected = metric_learning.npairs_multilabel(tags, SIMILARITY)
    value = float(npairs_multilabel_loss(tags, SIMILARITY.astype("float32")))
    assert value == pytest.approx(expected, rel=1e-6)
    np.testing.assert_array_equal(found[2], 0.0)


def test_no_classes_at_all_give_zero():
    assert float(npairs_multilabel_loss(0 * TAGS, SIMILARITY.astype("float32"))) == 0.0


@pytest.mark.parametrize("loss", [npairs_multilabel_loss, NpairsMultilabelLoss()])
def test_sparse_tags_are_those_that_are_dense(loss):
    similarity = SIMILARITY.astype("float32")
    tags = sparse(TAGS.astype("float32"))
    assert float(loss(tags, similarity)) == float(loss(TAGS, similarity))


@each
def test_similarities_that_are_no_square_are_refused(loss, label, reference):
    message = exactly(
        f"{loss.__name__}: the output is not a matrix of similarities.",
        "  Expected: shape (6, 6), the batch first",
        "  Received: shape (6, 5)",
    )
    with pytest.raises(ValueError, match=message):
        loss(label, SIMILARITY[:, :5])


def test_the_loss_of_tags_that_are_classes_is_that_of_the_classes():
    one_hot = ops.one_hot(LABELS, 5)
    similarity = SIMILARITY.astype("float32")
    expected = float(npairs_loss(LABELS, similarity))
    assert float(npairs_multilabel_loss(one_hot, similarity)) == pytest.approx(expected, rel=1e-6)
