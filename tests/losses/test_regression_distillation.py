"""`RegressionDistillationLoss`: its shares, and the teacher as a bound."""

import numpy as np
import pytest

from keras_multiloss._platform import keras, ops
from keras_multiloss.losses import RegressionDistillationLoss
from tests.losses.gradients import gradients

RNG = np.random.default_rng(24)
STUDENT, TEACHER, LABEL = RNG.normal(size=(3, 6, 2)).astype("float32")


def values(label, student, teacher, **arguments):
    loss = RegressionDistillationLoss(**arguments)
    student, teacher = (ops.convert_to_tensor(np.float32(x)) for x in (student, teacher))
    label = None if label is None else ops.convert_to_tensor(np.float32(label))
    return ops.convert_to_numpy(loss.call(label, (student, teacher)))


@pytest.mark.parametrize(("label_share", "target"), [(0.0, TEACHER), (1.0, LABEL)])
def test_the_whole_share_is_the_squared_error_of_keras(label_share, target):
    expected = keras.losses.MeanSquaredError()(target, STUDENT)
    found = values(LABEL, STUDENT, TEACHER, label_share=label_share).mean()
    assert found == pytest.approx(float(expected), rel=1e-6)


def test_without_a_label_the_share_does_not_count():
    np.testing.assert_array_equal(
        values(None, STUDENT, TEACHER, label_share=0.9),
        values(LABEL, STUDENT, TEACHER, label_share=0.0),
    )


def test_a_student_better_than_the_teacher_by_the_margin_learns_nothing_from_the_bound():
    student, teacher, label = [[1.0], [2.0], [3.0]], [[2.0]] * 3, [[0.0]] * 3
    bounded = {"label_share": 0.0, "bounded_by_teacher": True}
    # Squared errors 1, 4 and 9 against that of the teacher, 4.
    assert values(label, student, teacher, **bounded).tolist() == [0.0, 0.0, 9.0]
    assert values(label, student, teacher, margin=1.0, **bounded).tolist() == [0.0, 4.0, 9.0]


def test_the_bound_moves_only_students_that_are_worse():
    loss = RegressionDistillationLoss(label_share=0.0, bounded_by_teacher=True)
    label = ops.convert_to_tensor(LABEL)
    student, teacher = gradients(lambda *x: ops.sum(loss.call(label, x)), (STUDENT, TEACHER))
    is_worse = np.square(STUDENT - LABEL).mean(-1) > np.square(TEACHER - LABEL).mean(-1)
    assert 0 < is_worse.sum() < 6
    np.testing.assert_array_equal(student.any(axis=-1), is_worse)
    assert not teacher.any()


def test_a_bound_without_a_label_is_refused():
    with pytest.raises(ValueError, match=r"\ARegressionDistillationLoss: it needs one label"):
        values(None, STUDENT, TEACHER, bounded_by_teacher=True)


@pytest.mark.parametrize("arguments", [{"label_share": 1.5}, {"margin": -1.0}], ids=str)
def test_arguments_out_of_range_are_refused(arguments):
    with pytest.raises(ValueError, match=r"\ARegressionDistillationLoss: `(label_share|margin)` "):
        RegressionDistillationLoss(**arguments)
