"""`DistillationLoss`: as Keras computes it, and its limit at a high temperature."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras, ops, set_keras_mask
from keras_multiloss.losses import DistillationLoss
from tests.lanes import needs_distillation, needs_unknown_shapes
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


@pytest.mark.parametrize("label", [CLASSES, np.eye(5, dtype="float32")[CLASSES]], ids=["n", "p"])
def test_smoothed_labels_are_those_of_keras(label):
    expected = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.2)(
        np.eye(5, dtype="float32")[CLASSES], STUDENT
    )
    loss = DistillationLoss(label_share=1.0, label_smoothing=0.2)
    assert float(loss(label, (STUDENT, TEACHER))) == pytest.approx(float(expected), rel=1e-6)


def test_smoothing_leaves_the_part_of_the_teacher_as_it_is():
    smooth = DistillationLoss(label_smoothing=0.2)(None, (STUDENT, TEACHER))
    assert float(smooth) == float(DistillationLoss()(None, (STUDENT, TEACHER)))


def test_a_number_that_no_class_has_gives_no_cross_entropy_when_smoothed_either():
    loss = DistillationLoss(label_share=1.0, label_smoothing=0.2)
    assert float(loss(np.array([-1, -1, 5, 5]), (STUDENT, TEACHER))) == 0.0


STEPS = RNG.normal(size=(2, 2, 3, 5)).astype("float32")
NEXT = np.array([[1, 4, 0], [2, 0, 0]])
IS_STEP = np.array([[True, True, False], [True, False, False]])


def expected_of_steps():
    """The steps that count, each as a sample."""
    student, teacher = (output[IS_STEP] for output in STEPS)
    return float(DistillationLoss()(NEXT[IS_STEP], (student, teacher)))


def term_loss(outputs, label, **arguments):
    term = kml.LossTerm(DistillationLoss(), ["student", "teacher"], "next", **arguments)
    outputs = dict(zip(("student", "teacher"), outputs, strict=True))
    return float(kml.WeightedSumLoss([term])({"next": label}, outputs))


@pytest.mark.parametrize("of_both", [True, False], ids=["both", "student"])
def test_steps_that_keras_marks_as_padding_do_not_count(of_both):
    outputs = [ops.convert_to_tensor(output) for output in STEPS]
    for output in outputs[: 2 if of_both else 1]:
        set_keras_mask(output, ops.convert_to_tensor(IS_STEP))
    assert term_loss(outputs, NEXT) == pytest.approx(expected_of_steps(), rel=1e-6)


def test_steps_that_the_label_marks_do_not_count():
    label = np.where(IS_STEP, NEXT, -1)
    found = term_loss(STEPS, label, mask=-1)
    assert found == pytest.approx(expected_of_steps(), rel=1e-6)


@needs_unknown_shapes
def test_the_number_of_steps_may_be_unknown_while_tracing():
    import tensorflow as tf

    loss, logits = DistillationLoss(label_smoothing=0.1), tf.TensorSpec((None, None, 5))
    traced = tf.function(
        lambda label, *outputs: loss(label, outputs),
        input_signature=[tf.TensorSpec((None, None), "int32"), logits, logits],
    )
    expected = float(loss(NEXT, tuple(STEPS)))
    assert float(traced(NEXT.astype("int32"), *STEPS)) == pytest.approx(expected, rel=1e-6)
