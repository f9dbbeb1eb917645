"""A single-shot detector: classes and offsets of anchors on two feature maps."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras

layers = keras.layers


def build():
    image = keras.Input((32, 32, 1), name="image")
    hidden = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(image)
    map_8 = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu")(hidden)
    map_4 = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu")(map_8)
    outputs = {}
    for name, n in [("class_logits", 3), ("boxes", 4)]:  # background and two classes
        maps = [layers.Conv2D(n, 3, padding="same")(x) for x in (map_8, map_4)]
        rows = [layers.Reshape((-1, n))(x) for x in maps]
        outputs[name] = layers.Concatenate(axis=1, name=name)(rows)
    labels = ["class_targets", "box_targets"]
    loss = kml.LossTerm(kml.losses.MultiBoxLoss(), list(outputs), labels, name="ssd")
    return keras.Model(image, outputs), loss


def discs_and_squares(n=32):
    """Images of one bright disc or square, its class, and its box as `(x, y, width, height)`."""
    rng = np.random.default_rng(0)
    kind, size = rng.integers(0, 2, n), rng.integers(6, 13, n)
    center = rng.uniform(7, 25, (n, 2))
    distance = np.abs(np.arange(32) + 0.5 - center[..., None])  # of columns, of rows
    x, y = distance[:, 0, None, :], distance[:, 1, :, None]
    radius = size[:, None, None] / 2
    is_in = np.where(kind[:, None, None] == 0, x**2 + y**2 < radius**2, np.maximum(x, y) < radius)
    image = is_in[..., None] + 0.1 * rng.normal(size=(n, 32, 32, 1))
    return image.astype("float32"), kind, np.concatenate([center, size[:, None], size[:, None]], 1)


def anchors():
    """One in the middle of each cell of a map, of twice the size of the cell."""
    found = []
    for cell in (4, 8):
        y, x = np.mgrid[cell / 2 : 32 : cell, cell / 2 : 32 : cell]
        found += [[*middle, 2 * cell, 2 * cell] for middle in zip(x.flat, y.flat, strict=True)]
    return np.array(found, "float32")


def matched(kind, box):
    """The class of each anchor and the offsets from it to the object, as in the paper."""
    anchor, box = anchors()[None], box[:, None]
    low = np.maximum(box[..., :2] - box[..., 2:] / 2, anchor[..., :2] - anchor[..., 2:] / 2)
    high = np.minimum(box[..., :2] + box[..., 2:] / 2, anchor[..., :2] + anchor[..., 2:] / 2)
    both = np.prod(np.maximum(high - low, 0), axis=-1)
    overlap = both / (np.prod(box[..., 2:], axis=-1) + np.prod(anchor[..., 2:], axis=-1) - both)
    is_best = overlap == overlap.max(axis=1, keepdims=True)
    classes = np.where(is_best | (overlap > 0.5), kind[:, None], np.where(overlap > 0.4, -2, -1))
    shift, scale = (box - anchor)[..., :2] / anchor[..., 2:], np.log(box / anchor)[..., 2:]
    return classes.astype("int32"), np.concatenate([shift, scale], axis=-1).astype("float32")


@pytest.mark.sample(1)
def test_a_single_shot_detector_logs_its_classes_and_boxes(acceptance):
    image, kind, box = discs_and_squares()
    y = dict(zip(["class_targets", "box_targets"], matched(kind, box), strict=True))
    shapes = {
        "class_targets": {"shape": (80,), "dtype": "int32"},
        "box_targets": {"shape": (80, 4)},
    }
    logs = acceptance.check(build, image, y, shapes)
    acceptance.check_parts(logs, "ssd", "classes", "boxes")
