"""`DistillationLoss`: as Keras computes it, and its limit at a high temperature."""

import numpy as np
import pytest

from keras_multiloss._platform import keras, ops
from keras_multiloss.losses import DistillationLoss
from tests.lanes import needs_distillation
from tests.losses.messages import exactly

RNG = np.random.default_rng(6)
STUDENT, TEACHER = RNG.normal(size=(2, 4, 5)).astype("float32")


def divergence(student, teacher, temperature):
    pair = (ops.convert_to_tensor(student), ops.convert_to_tensor(teacher))
    return ops.convert_to_numpy(DistillationLoss(temperature=temperature).call(None, pair))


@needs_distillation
@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_it_is_the_loss_of_keras_distillation(temperature):
    # Given by name, the loss would see logits: Keras takes the softmax for an object only.
    theirs = keras.distillation.LogitsDistillation(temperature, keras.losses.KLDivergence())
    assert divergence(STUDENT, TEACHER, temperature).mean() == pytest.approx(
        float(theirs.compute_loss(TEACHER, STUDENT)),
        rel=1e-5,  # Keras clips probabilities by 1e-7; here the smallest is 0.02
    )


def test_a_student_like_the_teacher_has_no_loss():
    assert divergence(TEACHER, TEACHER + 3.0, 2.0) == pytest.approx(0.0, abs=1e-6)


def test_at_a_high_temperature_it_is_the_squared_distance_of_centred_logits():
    # Hinton et al., section 2.1: the limit of temperature^2 KL is sum (s - t)^2 / (2 n).
    centred = (STUDENT - STUDENT.mean(-1, keepdims=True)) - (
        TEACHER - TEACHER.mean(-1, keepdims=True)
    )
    np.testing.assert_allclose(
        divergence(STUDENT, TEACHER, 50.0),
        np.sum(centred**2, axis=-1) / (2 * 5),
        rtol=0.1,  # of order (logits / temperature)
    )


@pytest.mark.parametrize("temperature", [0.0, -1.0])
def test_a_temperature_that_is_not_positive_is_refused(temperature):
    message = exactly(
        "DistillationLoss: `temperature` must be above 0.",
        "  Expected: a number above 0",
        f"  Received: {temperature}",
    )
    with pytest.raises(ValueError, match=message):
        DistillationLoss(temperature=temperature)


CLASSES = np.array([0, 1, 2, 3])


def test_a_share_of_one_is_the_cross_entropy_against_the_label():
    expected = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(CLASSES, STUDENT)
    found = DistillationLoss(label_share=1.0)(CLASSES, (STUDENT, TEACHER))
    assert float(found) == pytest.approx(float(expected), rel=1e-6)


def test_probabilities_are_labels_too():
    loss = DistillationLoss()
    by_class = float(loss(CLASSES.reshape(4, 1), (STUDENT, TEACHER)))
    assert float(loss(np.eye(5)[CLASSES], (STUDENT, TEACHER))) == pytest.approx(by_class, rel=1e-6)


def test_the_share_lies_between_zero_and_one():
    with pytest.raises(ValueError, match="`label_share` is out of range"):
        DistillationLoss(label_share=1.5)
