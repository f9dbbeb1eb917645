"""Targets that the graph makes, as in Mask R-CNN: from proposals and boxes among the inputs."""

import numpy as np

import keras_multiloss as kml
from keras_multiloss._platform import keras, ops

layers = keras.layers


@keras.saving.register_keras_serializable("mask_rcnn")
class Targets(layers.Layer):
    def call(self, proposals, truth):
        near = -ops.sum(ops.abs(proposals[:, :, None] - truth[:, None]), -1)
        chosen = ops.one_hot(ops.argmax(near, -1), truth.shape[1])
        offsets = ops.matmul(chosen, truth) - proposals
        is_near = ops.cast(ops.max(ops.abs(offsets), -1, keepdims=True) < 0.5, "float32")
        return is_near, offsets


def build():
    image = keras.Input((8, 8, 1), name="image")
    boxes = keras.Input((3, 4), name="boxes")
    hidden = layers.Dense(32, activation="relu")(layers.Flatten()(image))
    proposals = layers.Reshape((6, 4))(layers.Dense(24, activation="sigmoid")(hidden))
    is_near, offsets = Targets()(proposals, boxes)
    rows = layers.Concatenate()([proposals, layers.RepeatVector(6)(hidden)])
    outputs = {"score": layers.Dense(1, activation="sigmoid")(rows), "box": layers.Dense(4)(rows)}
    loss = kml.LossTerm("binary_crossentropy", "score", kml.from_output("is_near"))
    loss += kml.LossTerm("huber", "box", kml.from_output("offsets"))
    return keras.Model(
        {"image": image, "boxes": boxes}, {**outputs, "is_near": is_near, "offsets": offsets}
    ), loss


def test_targets_are_made_in_the_graph(with_own_classes):
    rng = np.random.default_rng(0)
    x = {
        "image": rng.normal(size=(32, 8, 8, 1)).astype("float32"),
        "boxes": rng.uniform(size=(32, 3, 4)).astype("float32"),
    }
    with_own_classes.check(build, x, None, uses=[Targets])
