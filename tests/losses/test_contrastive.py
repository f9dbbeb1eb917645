"""`ContrastiveLoss` and its function."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import dtype_name, ops
from keras_multiloss.losses._contrastive import ContrastiveLoss, contrastive_loss
from tests.losses import metric_learning
from tests.losses.gradients import finite_differences, gradients

RNG = np.random.default_rng(8)
ALIKE = RNG.integers(0, 2, 12)
DISTANCE = RNG.uniform(0.0, 2.0, 12)


@pytest.mark.parametrize("margin", [1.0, 0.3])
def test_each_value_is_that_of_its_pair(margin):
    values = contrastive_loss(ALIKE, DISTANCE.astype("float32"), margin=margin)
    expected = metric_learning.contrastive(ALIKE, DISTANCE, margin)
    # A few roundings, of a difference of numbers of order 1.
    np.testing.assert_allclose(ops.convert_to_numpy(values), expected, rtol=1e-5, atol=1e-6)


def test_its_gradients_are_finite_differences():
    (found,) = gradients(lambda d: ops.sum(contrastive_loss(ALIKE, d)), (DISTANCE,))
    (expected,) = finite_differences(
        lambda d: np.sum(metric_learning.contrastive(ALIKE, d)), (DISTANCE,)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_the_class_is_the_mean_over_the_batch():
    loss = ContrastiveLoss(margin=0.5)
    expected = np.mean(metric_learning.contrastive(ALIKE, DISTANCE, 0.5))
    assert float(loss(ALIKE, DISTANCE.astype("float32"))) == pytest.approx(expected, rel=1e-6)


def test_labels_and_distances_in_one_column_are_aligned():
    values = ContrastiveLoss(reduction="none")(ALIKE, DISTANCE.astype("float32")[:, None])
    expected = metric_learning.contrastive(ALIKE, DISTANCE)[:, None]
    np.testing.assert_allclose(ops.convert_to_numpy(values), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_rounded_at_the_end_only(dtype):
    distance = ops.cast(ops.convert_to_tensor(DISTANCE.astype("float32")), dtype)
    values = contrastive_loss(ALIKE, distance)
    exact = metric_learning.contrastive(ALIKE, as_numpy(distance))
    rounded = ops.cast(ops.convert_to_tensor(exact.astype("float32")), dtype)
    assert dtype_name(values) == dtype
    np.testing.assert_array_equal(as_numpy(values), as_numpy(rounded))


def as_numpy(tensor):
    return ops.convert_to_numpy(ops.cast(tensor, "float32"))


@pytest.mark.parametrize("shape", [(12,), (12, 1), (6, 2)])
def test_a_term_leaves_out_missing_labels(shape):
    label = ALIKE.astype("float32").reshape(shape)
    label[np.arange(3)] = np.nan
    term = kml.LossTerm(ContrastiveLoss(), "distance", "alike", mask="nan")
    outputs = {"distance": DISTANCE.astype("float32").reshape(shape)}
    value = float(kml.WeightedSumLoss([term])({"alike": label}, outputs))
    n_missing = np.isnan(label).sum()
    expected = metric_learning.contrastive(ALIKE, DISTANCE)[n_missing:].mean()
    assert value == pytest.approx(expected, rel=1e-6)


def test_a_term_that_sums_adds_each_pair_once():
    term = kml.LossTerm(ContrastiveLoss(reduction="sum"), "distance", "alike", mask="nan")
    label = ALIKE.astype("float32").reshape(6, 2)
    outputs = {"distance": DISTANCE.astype("float32").reshape(6, 2)}
    value = float(kml.WeightedSumLoss([term])({"alike": label}, outputs))
    assert value == pytest.approx(metric_learning.contrastive(ALIKE, DISTANCE).sum(), rel=1e-6)
