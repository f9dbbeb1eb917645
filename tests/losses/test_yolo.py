"""`YoloLoss`: its parts, which places count, small and negative sizes, shapes."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras, ops
from keras_multiloss.losses import YoloLoss
from tests.lanes import needs_unknown_shapes
from tests.losses.case import total
from tests.losses.gradients import gradients
from tests.losses.messages import exactly
from tests.losses.references_of_detection import yolo

RNG = np.random.default_rng(19)
#: Four images, a grid of 3 by 3 cells with two boxes each; one image without objects.
NUMBERS = RNG.choice([-2, -1, -1, 0, 1, 2], size=(4, 3, 3, 2))
NUMBERS[1] = -1
TARGETS, BOXES = RNG.uniform(0.05, 1.0, size=(2, 4, 3, 3, 2, 4)).astype("float32")
OBJECTNESS = RNG.uniform(size=(4, 3, 3, 2)).astype("float32")
CLASSES = RNG.uniform(size=(4, 3, 3, 2, 3)).astype("float32")

every_class_loss = pytest.mark.parametrize("class_loss", ["squared_error", "sigmoid_crossentropy"])


def parts(
    targets=TARGETS,
    numbers=NUMBERS,
    boxes=BOXES,
    objectness=OBJECTNESS,
    classes=CLASSES,
    **arguments,
):
    labels = tuple(ops.convert_to_tensor(np.asarray(x)) for x in (targets, numbers))
    outputs = (boxes, objectness, classes)
    outputs = tuple(ops.convert_to_tensor(np.asarray(x, "float32")) for x in outputs)
    found = YoloLoss(**arguments).call(labels, outputs)
    return {name: ops.convert_to_numpy(part) for name, part in found.items()}


def gradients_of(targets=TARGETS, numbers=NUMBERS, boxes=BOXES, **arguments):
    labels = tuple(map(ops.convert_to_tensor, (targets, numbers)))
    loss = YoloLoss(**arguments)
    outputs = (boxes, OBJECTNESS, CLASSES)
    return gradients(lambda *outputs: loss(labels, outputs), outputs)


@every_class_loss
def test_parts_equal_the_reference(class_loss):
    found = parts(class_loss=class_loss, box_weight=3.0, no_object_weight=0.7)
    expected = yolo(
        (TARGETS.astype("float64"), NUMBERS),
        *(x.astype("float64") for x in (BOXES, OBJECTNESS, CLASSES)),
        box_weight=3.0,
        no_object_weight=0.7,
        logits=class_loss == "sigmoid_crossentropy",
    )
    assert list(found) == ["center", "size", "objectness", "classes"]
    for name, part in found.items():
        # Sums of up to 54 numbers; the difference of two roots loses a digit.
        np.testing.assert_allclose(part, expected[name], rtol=1e-5)


def test_one_object_by_hand():
    found = parts([[[0.5, 0.5, 0.25, 0.16]]], [[0]], [[[0.4, 0.7, 0.36, 0.01]]], [[0.7]], [[[0.8]]])
    assert found["center"] == pytest.approx(5 * (0.1**2 + 0.2**2), rel=1e-5)
    assert found["size"] == pytest.approx(5 * (0.1**2 + 0.3**2), rel=1e-5)
    assert found["objectness"] == pytest.approx(0.3**2, rel=1e-5)
    assert found["classes"] == pytest.approx(0.2**2, rel=1e-5)


def test_the_crossentropies_are_those_of_keras():
    numbers = np.full((4, 3, 3, 2), 1)
    found = parts(numbers=numbers, class_loss="sigmoid_crossentropy")
    theirs = keras.losses.BinaryCrossentropy(from_logits=True, reduction="none")
    of_classes = theirs(np.eye(3, dtype="float32")[numbers], ops.convert_to_tensor(CLASSES))
    one = ops.convert_to_tensor(OBJECTNESS[..., None])
    of_objects = theirs(np.ones_like(OBJECTNESS)[..., None], one)
    for name, values, n in [("classes", of_classes, 3), ("objectness", of_objects, 1)]:
        expected = n * ops.convert_to_numpy(values).sum(axis=(1, 2, 3))  # theirs is a mean of n
        np.testing.assert_allclose(found[name], expected, rtol=1e-5)


def test_an_image_without_objects_has_its_objectness_only():
    found = {name: part[1] for name, part in parts().items()}
    expected = {"center": 0, "size": 0, "objectness": 0.5 * (OBJECTNESS[1] ** 2).sum()}
    assert found == pytest.approx({**expected, "classes": 0}, rel=1e-6)


@every_class_loss
def test_places_that_do_not_count_move_nothing_and_empty_ones_their_objectness(class_loss):
    boxes, objectness, classes = gradients_of(class_loss=class_loss)
    np.testing.assert_array_equal(objectness != 0, NUMBERS != -2)
    np.testing.assert_array_equal(boxes.any(axis=-1), NUMBERS >= 0)
    np.testing.assert_array_equal(classes.any(axis=-1), NUMBERS >= 0)


def test_boxes_of_places_without_an_object_are_never_read():
    is_object = NUMBERS[..., None] >= 0
    targets, boxes = (np.where(is_object, x, np.float32(np.nan)) for x in (TARGETS, BOXES))
    np.testing.assert_array_equal(total(parts(targets, boxes=boxes)), total(parts()))
    assert all(np.isfinite(found).all() for found in gradients_of(targets, boxes=boxes))


@pytest.mark.parametrize("size", [0.0, 1e-30, 1e-3, -1e-3, -0.2])
def test_small_and_negative_sizes_are_led_to_those_of_the_label(size):
    boxes = np.concatenate([BOXES[..., :2], np.full_like(BOXES[..., 2:], size)], axis=-1)
    moved = gradients_of(boxes=boxes)[0][..., 2:]
    assert np.isfinite(moved).all()
    assert (moved[NUMBERS >= 0] < 0).all()


def test_a_box_that_is_right_costs_nothing_however_small():
    targets = np.concatenate([TARGETS[..., :2], 1e-3 * TARGETS[..., 2:]], axis=-1)
    targets[0, ..., 2:] = 0.0
    found = parts(targets, boxes=targets)
    assert not found["size"].any()
    assert not found["center"].any()


def test_objectness_may_have_an_axis_of_its_own():
    np.testing.assert_array_equal(total(parts(objectness=OBJECTNESS[..., None])), total(parts()))


def test_the_form_of_the_grid_is_irrelevant():
    flat = [x.reshape(4, 18, *x.shape[4:]) for x in (TARGETS, NUMBERS, BOXES, OBJECTNESS, CLASSES)]
    np.testing.assert_allclose(total(parts(*flat)), total(parts()), rtol=2e-6)  # other roundings


def test_class_targets_may_be_floats():
    floats = parts(numbers=NUMBERS.astype("float32"))
    np.testing.assert_array_equal(total(floats), total(parts()))


def test_a_term_logs_its_four_parts():
    term = kml.LossTerm(YoloLoss(), ["b", "o", "c"], ["targets", "numbers"], name="yolo")
    found = kml.WeightedSumLoss([term]).term_losses(
        {"targets": TARGETS, "numbers": NUMBERS}, {"b": BOXES, "o": OBJECTNESS, "c": CLASSES}
    )
    for name, part in parts().items():
        assert float(found[f"yolo_{name}"]) == pytest.approx(part.mean(), rel=1e-6)


@needs_unknown_shapes
def test_batch_grid_and_classes_may_be_unknown_while_tracing():
    import tensorflow as tf

    loss, grid = YoloLoss(), (None, None, None, 2)
    boxes, flat, classes = (tf.TensorSpec((*grid, *last)) for last in [(4,), (), (None,)])
    traced = tf.function(
        lambda targets, numbers, *outputs: loss((targets, numbers), outputs),
        input_signature=[boxes, tf.TensorSpec(grid, "int32"), boxes, flat, classes],
    )
    found = traced(TARGETS, NUMBERS.astype("int32"), BOXES, OBJECTNESS, CLASSES)
    assert float(found) == pytest.approx(total(parts()).mean(), rel=1e-6)


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (
            {"numbers": np.zeros((4, 3, 3, 2, 3))},
            [
                "YoloLoss: the class_targets do not fit the grid.",
                "  Expected: shape (4, 3, 3, 2)",
                "  Received: shape (4, 3, 3, 2, 3)",
                "  Hint: they are class numbers, not one-hot",
            ],
        ),
        (
            {"objectness": np.zeros((4, 3, 3, 1))},
            [
                "YoloLoss: the objectness does not fit the grid.",
                "  Expected: shape (4, 3, 3, 2) or (4, 3, 3, 2, 1)",
                "  Received: shape (4, 3, 3, 1)",
            ],
        ),
        (
            {"boxes": np.zeros((4, 4))},
            [
                "YoloLoss: the boxes do not fit the grid.",
                "  Expected: shape (batch, ..., 4)",
                "  Received: shape (4, 4)",
            ],
        ),
    ],
    ids=["class_targets", "objectness", "boxes"],
)
def test_shapes_of_another_grid_are_refused(data, lines):
    with pytest.raises(ValueError, match=exactly(*lines)):
        parts(**data)


@pytest.mark.parametrize(
    "arguments",
    [{"box_weight": -1.0}, {"no_object_weight": -1.0}, {"class_loss": "mse"}, {"min_size": 0.0}],
    ids=str,
)
def test_arguments_out_of_range_are_refused(arguments):
    (name,) = arguments
    with pytest.raises(ValueError, match=rf"\AYoloLoss: `{name}` (must be|is not one) "):
        YoloLoss(**arguments)
