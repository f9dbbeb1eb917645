"""A student learns from the true classes and from the output of a teacher."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras


def build():
    x = keras.Input((4,), name="x")
    teacher = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(3)],
        name="teacher",
    )
    teacher.trainable = False  # it was trained before
    student = keras.layers.Dense(3)(x)
    hard = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    loss = kml.LossTerm(hard, "student", labels="species")
    loss += 0.5 * kml.LossTerm(
        kml.losses.DistillationLoss(temperature=4.0),
        ["student", "teacher"],
        labels=None,
        name="distillation",
    )
    return keras.Model(x, {"student": student, "teacher": teacher(x)}), loss


@pytest.mark.sample(1)
def test_distillation_from_a_teacher_output(acceptance):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(96, 4)).astype("float32")
    acceptance.check(build, x, {"species": x[:, :3].argmax(axis=1)})
