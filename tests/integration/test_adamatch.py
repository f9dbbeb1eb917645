"""Few labelled and many unlabelled samples in one batch, as in AdaMatch."""

import numpy as np

import keras_multiloss as kml
from keras_multiloss._platform import keras, ops

layers = keras.layers


@keras.saving.register_keras_serializable("adamatch")
class Rows(layers.Layer):
    def call(self, groups):
        return ops.reshape(groups, (-1, groups.shape[-1]))


def build():
    labelled, others = keras.Input((8,), name="labelled"), keras.Input((3, 8), name="others")
    hidden, head = layers.Dense(32, activation="relu"), layers.Dense(4, activation="softmax")
    rows = Rows()(others)
    outputs = {
        "class": head(hidden(labelled)),
        "weak": head(hidden(rows)),
        "strong": head(hidden(layers.GaussianNoise(0.5)(rows))),
    }
    pseudo = kml.losses.PseudoLabelLoss(threshold=0.9)
    loss = kml.LossTerm("sparse_categorical_crossentropy", "class")
    loss += kml.LossTerm(pseudo, ["strong", "weak", "class"], None, name="pseudo")
    return keras.Model({"labelled": labelled, "others": others}, outputs), loss


def test_a_batch_has_three_times_as_many_samples_without_labels(with_own_classes):
    rng = np.random.default_rng(0)
    centres = 2 * rng.normal(size=(4, 8))
    number, others = rng.integers(0, 4, 32), rng.integers(0, 4, (32, 3))
    x = {
        "labelled": (centres[number] + rng.normal(size=(32, 8))).astype("float32"),
        "others": (centres[others] + rng.normal(size=(32, 3, 8))).astype("float32"),
    }
    logs = with_own_classes.check(build, x, {"class": number}, uses=[Rows], epochs=15)
    assert logs["pseudo_loss"] > 0.0
    guesses = keras.saving.load_model(with_own_classes.serving_file).predict(x, verbose=0)["weak"]
    assert np.mean(guesses.argmax(-1) == others.reshape(-1)) > 0.8  # chance is 0.25
