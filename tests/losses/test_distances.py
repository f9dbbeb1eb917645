"""Distances between all samples of a batch."""

import numpy as np
import pytest

from keras_multiloss._platform import keras, ops
from keras_multiloss.losses._distances import check_distance_metric, pairwise_distance
from tests.losses import metric_learning
from tests.losses.gradients import finite_differences, gradients
from tests.losses.messages import exactly

EMBEDDINGS = np.random.default_rng(2).normal(size=(6, 4))
every_metric = pytest.mark.parametrize("metric", ["L2", "squared-L2", "angular"])


def distances(embeddings, metric):
    tensor = ops.convert_to_tensor(embeddings.astype("float32"))
    return ops.convert_to_numpy(pairwise_distance("Here", tensor, metric))


@keras.saving.register_keras_serializable(package="test_distances")
def manhattan(embeddings):
    differences = ops.expand_dims(embeddings, 1) - ops.expand_dims(embeddings, 0)
    return ops.sum(ops.abs(differences), axis=-1)


def unregistered(embeddings):
    return manhattan(embeddings)


@every_metric
def test_they_are_those_of_each_pair_by_itself(metric):
    expected = metric_learning.distances(EMBEDDINGS, metric)
    # Sums of float32 products of order 10, whose squares' roots are of order 1.
    np.testing.assert_allclose(distances(EMBEDDINGS, metric), expected, rtol=1e-5, atol=1e-6)


@every_metric
def test_their_gradients_are_finite_differences(metric):
    weights = np.random.default_rng(3).normal(size=(6, 6))
    moved = ops.convert_to_tensor(weights.astype("float32"))
    (found,) = gradients(
        lambda x: ops.sum(moved * pairwise_distance("Here", x, metric)), (EMBEDDINGS,)
    )
    (expected,) = finite_differences(
        lambda x: np.sum(weights * metric_learning.distances(x, metric)), (EMBEDDINGS,)
    )
    # Sums over ten pairs, in float32.
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-5)


@every_metric
def test_equal_samples_are_at_zero_with_a_finite_gradient(metric):
    samples = np.tile(EMBEDDINGS[:1], (5, 1))
    np.testing.assert_allclose(distances(samples, metric), 0.0, atol=2e-7)  # 1 - cos, by one bit
    (found,) = gradients(lambda x: ops.sum(pairwise_distance("Here", x, metric)), (samples,))
    np.testing.assert_allclose(found, 0.0, atol=1e-5)


@every_metric
def test_zero_vectors_have_a_defined_distance_and_a_finite_gradient(metric):
    samples = np.array([[0.0, 0.0], [0.0, 0.0], [3.0, 4.0]])
    expected = {"L2": [0, 0, 5], "squared-L2": [0, 0, 25], "angular": [0, 1, 1]}[metric]
    np.testing.assert_allclose(distances(samples, metric)[0], expected, rtol=1e-6, atol=1e-6)
    (found,) = gradients(lambda x: ops.sum(pairwise_distance("Here", x, metric)), (samples,))
    assert np.all(np.isfinite(found))


@pytest.mark.parametrize("metric", ["L2", "squared-L2"])
def test_a_common_offset_costs_no_digits(metric):
    # Offsets that float32 holds exactly; |x|^2 would have 2^-2 for its last bit.
    samples = np.round(64 * EMBEDDINGS) / 64
    np.testing.assert_allclose(
        distances(samples + 1024.0, metric),
        metric_learning.distances(samples, metric),
        rtol=1e-3,  # the mean, by its last bit of 2^-14
    )


def test_a_function_is_called_with_the_embeddings():
    expected = np.abs(EMBEDDINGS[:, None] - EMBEDDINGS[None]).sum(-1)
    np.testing.assert_allclose(distances(EMBEDDINGS, manhattan), expected, rtol=1e-5)


def test_an_unknown_name_is_refused_with_the_nearest_one():
    message = exactly(
        "TripletHardLoss: `distance_metric` is not one of its choices.",
        "  Expected: one of ['L2', 'squared-L2', 'angular']",
        "  Received: 'squared-l2'",
        "  Hint: did you mean 'squared-L2'?",
    )
    with pytest.raises(ValueError, match=message):
        check_distance_metric("TripletHardLoss", "squared-l2")
    with pytest.raises(ValueError, match="`distance_metric` is not one of its choices"):
        distances(EMBEDDINGS, "squared-l2")


@pytest.mark.parametrize("metric", [unregistered, lambda x: x], ids=["unregistered", "lambda"])
def test_a_function_that_no_file_could_restore_is_refused(metric):
    with pytest.raises(ValueError, match="`distance_metric` cannot be saved"):
        check_distance_metric("TripletHardLoss", metric)


def test_what_is_no_matrix_is_refused():
    message = exactly(
        "triplet_hard_loss: the output is not a matrix of embeddings.",
        "  Expected: shape (None, None), the batch first",
        "  Received: shape (6, 2, 2)",
    )
    with pytest.raises(ValueError, match=message):
        pairwise_distance("triplet_hard_loss", np.zeros((6, 2, 2)), "L2")


def test_near_samples_keep_the_digits_of_their_distance():
    """Beside coordinates of size 3, float32 products lose those of 2e-4."""
    near = np.array([[1.0, 1.0], [1.0002, 1.0002], [-3.0, 2.0]], "float32")
    found = distances(near, "L2")
    exact = np.linalg.norm(near[0].astype("float64") - near[1])
    assert found[0, 1] == pytest.approx(exact, rel=1e-6)
    assert found[0, 0] == 0.0

    def between(embeddings):
        return pairwise_distance("Here", embeddings, "L2")[0, 1]

    (gradient,) = gradients(between, (near,))
    np.testing.assert_allclose(gradient[:2], [[-(0.5**0.5)] * 2, [0.5**0.5] * 2], rtol=2e-3)
