"""`FeatureDistillationLoss`: laws of each distance, maps of other channels, what it refuses."""

import numpy as np
import pytest

from keras_multiloss._platform import keras, ops
from keras_multiloss.losses import FeatureDistillationLoss
from tests.lanes import needs_unknown_shapes
from tests.losses.gradients import gradients
from tests.losses.messages import exactly
from tests.losses.references import feature_distillation

RNG = np.random.default_rng(23)
STUDENT, TEACHER = RNG.normal(size=(2, 4, 3, 3, 2)).astype("float32")

every_distance = pytest.mark.parametrize("distance", ["mse", "cosine", "attention"])


def values(student, teacher, distance="mse"):
    pair = tuple(ops.convert_to_tensor(np.float32(x)) for x in (student, teacher))
    return ops.convert_to_numpy(FeatureDistillationLoss(distance).call(None, pair))


def test_squares_are_those_of_keras():
    theirs = keras.losses.MeanSquaredError()(TEACHER, STUDENT)
    assert values(STUDENT, TEACHER).mean() == pytest.approx(float(theirs), rel=1e-6)


def test_the_cosine_is_that_of_keras():
    theirs = 1 + float(keras.losses.CosineSimilarity()(TEACHER, STUDENT))
    assert values(STUDENT, TEACHER, "cosine").mean() == pytest.approx(theirs, rel=1e-5)


@every_distance
def test_a_student_like_the_teacher_has_no_loss(distance):
    # A cosine of equal vectors is 1 but for the rounding of float32.
    assert values(TEACHER, TEACHER, distance) == pytest.approx(0.0, abs=3e-7)


@pytest.mark.parametrize("distance", ["cosine", "attention"])
def test_the_scale_of_the_features_does_not_matter(distance):
    np.testing.assert_allclose(
        values(3 * STUDENT, 0.1 * TEACHER, distance),
        values(STUDENT, TEACHER, distance),
        rtol=1e-5,
    )


def test_attention_maps_may_have_other_channels():
    many = RNG.normal(size=(4, 3, 3, 7)).astype("float32")
    found = values(STUDENT, many, "attention")
    expected = feature_distillation(None, *map(np.float64, (STUDENT, many)), "attention")
    np.testing.assert_allclose(found, expected, rtol=1e-5)  # differences of numbers near 0.3


def test_attention_maps_without_a_place_in_common_are_the_farthest():
    left, right = np.eye(2).reshape(2, 1, 2, 1)
    assert values(left, right, "attention") == pytest.approx([2.0])


def test_a_map_of_zeros_has_a_finite_gradient():
    pair = np.zeros_like(STUDENT), TEACHER
    loss = FeatureDistillationLoss("attention")
    student, teacher = gradients(lambda *x: ops.sum(loss.call(None, x)), pair)
    assert np.isfinite(student).all()
    assert not teacher.any()


@needs_unknown_shapes
@every_distance
def test_the_size_of_maps_may_be_unknown_while_tracing(distance):
    import tensorflow as tf

    loss, spec = FeatureDistillationLoss(distance), tf.TensorSpec((None, None, None, 2))
    traced = tf.function(lambda *outputs: loss(None, outputs), input_signature=[spec, spec])
    expected = values(STUDENT, TEACHER, distance).mean()
    assert float(traced(STUDENT, TEACHER)) == pytest.approx(expected, rel=1e-6)


def test_vectors_have_no_attention_map():
    message = exactly(
        "FeatureDistillationLoss: its outputs are not maps of the same places.",
        "  Expected: a pair of shape (batch, ..., n_channels) with the same axes but the last",
        "  Received: shapes (4, 3) and (4, 3)",
        "  Hint: 'mse' and 'cosine' take vectors",
    )
    with pytest.raises(ValueError, match=message):
        values(np.zeros((4, 3)), np.zeros((4, 3)), "attention")


def test_maps_of_other_places_are_refused():
    with pytest.raises(ValueError, match="resize or pool the larger map in the model"):
        values(STUDENT, TEACHER[:, :2], "attention")


def test_features_of_another_length_are_refused():
    with pytest.raises(ValueError, match=r"\AFeatureDistillationLoss: its outputs differ in shape"):
        values(STUDENT, TEACHER[..., :1])


def test_an_unknown_distance_is_refused_with_the_nearest_one():
    with pytest.raises(ValueError, match="did you mean 'cosine'"):
        FeatureDistillationLoss("cosin")
