"""A detector of one pass: in each cell of a grid a box, whether it is one, and its class."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras
from tests.integration.test_ssd import discs_and_squares

layers = keras.layers


def build():
    image = keras.Input((32, 32, 1), name="image")
    hidden = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(image)
    hidden = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu")(hidden)
    grid = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu")(hidden)
    outputs = {
        name: layers.Conv2D(n, 3, padding="same", activation="sigmoid", name=name)(grid)
        for name, n in [("boxes", 4), ("objectness", 1), ("classes", 2)]
    }
    labels = ["box_targets", "class_targets"]
    loss = kml.LossTerm(kml.losses.YoloLoss(), list(outputs), labels, name="yolo")
    return keras.Model(image, outputs), loss


def in_cells(kind, box):
    """The box and the class of each of 4 by 4 cells, as in the paper."""
    boxes = np.zeros((len(box), 4, 4, 4), "float32")
    classes = np.full((len(box), 4, 4), -1, "int32")
    column, row = (box[:, :2] // 8).astype(int).T
    place = np.arange(len(box)), row, column
    boxes[place] = np.concatenate([box[:, :2] / 8 % 1, box[:, 2:] / 32], axis=1)
    classes[place] = kind
    return boxes, classes


@pytest.mark.sample(1)
def test_a_grid_of_cells_logs_the_four_parts_of_its_loss(acceptance):
    image, kind, box = discs_and_squares()
    y = dict(zip(["box_targets", "class_targets"], in_cells(kind, box), strict=True))
    shapes = {"box_targets": {"shape": (4, 4, 4)}}
    shapes["class_targets"] = {"shape": (4, 4), "dtype": "int32"}
    logs = acceptance.check(build, image, y, shapes)
    acceptance.check_parts(logs, "yolo", "center", "size", "objectness", "classes")
