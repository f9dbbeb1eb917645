"""A student that learns from the hidden layers of a frozen teacher."""

import numpy as np

import keras_multiloss as kml
from keras_multiloss._platform import keras

layers = keras.layers


def network(width):
    image = keras.Input((8, 8, 1), name="image")
    hidden = layers.Conv2D(width, 3, activation="relu", name="first")(image)
    hidden = layers.Conv2D(4, 3, activation="relu", name="features")(hidden)
    logits = layers.Dense(10, name="logits")(layers.GlobalAveragePooling2D()(hidden))
    return keras.Model(image, {"logits": logits})


def build():
    taps = {"features": "features"}
    teacher = kml.MultiLossModel.from_model(network(width=16), taps=taps)
    student = kml.MultiLossModel.from_model(network(width=2), taps=taps)
    model = kml.models.with_teacher(student, teacher)
    soft = kml.losses.DistillationLoss(temperature=2.0)
    crossentropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    loss = (
        kml.LossTerm(crossentropy, "logits", "digit")
        + kml.LossTerm(soft, ["logits", "teacher/logits"], None, name="soft")
        + kml.LossTerm("mse", "features", kml.from_output("teacher/features"), weight=10.0)
    )
    return model, loss


def test_a_student_learns_features_and_logits_of_a_teacher(in_model):
    rng = np.random.default_rng(0)
    image = rng.normal(size=(32, 8, 8, 1)).astype("float32")
    logs = in_model.check(build, image, {"digit": rng.integers(0, 10, 32)}, uses=[network])
    assert {"digit_loss", "logits_loss", "soft_loss", "features_loss"} & set(logs)
    served = keras.saving.load_model(in_model.serving_file)
    assert served.count_params() == network(width=2).count_params()
