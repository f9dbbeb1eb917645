"""`DetectionLoss`: which anchors count, what divides them, and each box loss."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras, ops
from keras_multiloss.losses._detection import DetectionLoss
from tests.lanes import needs_unknown_shapes
from tests.losses.case import total
from tests.losses.cases_of_detection import BOXES, CLASSES, corners
from tests.losses.gradients import gradients
from tests.losses.messages import exactly
from tests.losses.references_of_detection import detection

RNG = np.random.default_rng(13)
LOGITS = RNG.normal(size=(4, 5, 3)).astype("float32")
PREDICTED = corners(4, 5).astype("float32")

every_box_loss = pytest.mark.parametrize("box_loss", ["smooth_l1", "iou", "giou", "diou", "ciou"])


def parts(classes=CLASSES, targets=BOXES, logits=LOGITS, boxes=PREDICTED, **arguments):
    labels = tuple(ops.convert_to_tensor(np.asarray(x)) for x in (classes, targets))
    outputs = tuple(ops.convert_to_tensor(np.asarray(x, "float32")) for x in (logits, boxes))
    found = DetectionLoss(**arguments).call(labels, outputs)
    return {name: ops.convert_to_numpy(part) for name, part in found.items()}


def values(*data, **arguments):
    return total(parts(*data, **arguments))


@every_box_loss
def test_values_equal_the_reference_by_every_box_loss(box_loss):
    arguments = {"box_loss": box_loss, "alpha": 0.4, "gamma": 1.5, "beta": 0.7, "box_weight": 3.0}
    np.testing.assert_allclose(
        values(**arguments),
        detection((CLASSES, BOXES), LOGITS.astype("float64"), PREDICTED, **arguments),
        rtol=5e-6,  # sums of some 50 numbers near 1 in float32
    )


@every_box_loss
def test_the_parts_are_the_classes_and_the_weighed_boxes(box_loss):
    found = parts(box_loss=box_loss, box_weight=3.0)
    data = (CLASSES, BOXES), LOGITS.astype("float64"), PREDICTED
    of_classes = detection(*data, box_loss=box_loss, box_weight=0.0)
    of_both = detection(*data, box_loss=box_loss, box_weight=3.0)
    assert list(found) == ["classes", "boxes"]
    np.testing.assert_allclose(found["classes"], of_classes, rtol=5e-6)  # as above
    np.testing.assert_allclose(found["boxes"], of_both - of_classes, rtol=5e-6)
    assert found["boxes"][1] == 0.0  # of the image without objects


def test_the_class_terms_are_the_focal_loss_of_keras():
    one_hot = np.eye(4)[CLASSES][..., :3].astype("float32")  # -1, the last row, has no class
    classes = np.where(CLASSES == -2, -1, CLASSES)
    theirs = keras.losses.binary_focal_crossentropy(
        ops.convert_to_tensor(np.where(classes[..., None] >= 0, one_hot, 0)),
        ops.convert_to_tensor(LOGITS),
        apply_class_balancing=True,
        from_logits=True,
    )
    n_positive = np.maximum(np.sum(classes >= 0, axis=1), 1)
    np.testing.assert_allclose(
        values(classes, box_weight=0.0),
        3 * ops.convert_to_numpy(theirs).sum(axis=1) / n_positive,  # theirs is a mean of 3
        rtol=1e-5,  # Keras clips probabilities by 1e-7
    )


def test_the_box_terms_are_the_huber_loss_of_keras():
    far_below = np.full_like(LOGITS, -1e4)
    theirs = keras.losses.huber(
        ops.convert_to_tensor(BOXES.astype("float32")), ops.convert_to_tensor(PREDICTED), delta=0.25
    )
    # An image of positive anchors only, whose class is beyond those that exist: no class terms.
    found = values(np.full((4, 5), 3), logits=far_below, beta=0.25)
    # Huber's loss is beta times smooth L1, and a mean of 4.
    expected = ops.convert_to_numpy(theirs).mean(axis=1) * 4 / 0.25
    np.testing.assert_allclose(found, expected, rtol=2e-6)


def test_one_positive_anchor_by_hand():
    # p = 1/2 for each of 2 classes: (0.25 + 0.75) * 0.5^2 * log 2; boxes: 0.5^2 / (2 * 1) + 1.5.
    found = values([[1]], np.zeros((1, 1, 4)), np.zeros((1, 1, 2)), [[[0.5, 2, 0, 0]]], beta=1.0)
    assert found == pytest.approx(0.25 * np.log(2) + 0.125 + 1.5, rel=1e-6)


@every_box_loss
def test_an_image_without_objects_has_its_class_terms_undivided(box_loss):
    background = np.full((4, 5), -1)
    expected = 3 * 5 * 0.75 * 0.25 * np.log(2)
    found = values(background, logits=np.zeros_like(LOGITS), box_loss=box_loss)
    np.testing.assert_allclose(found, np.full(4, expected), rtol=1e-6)


@every_box_loss
def test_an_image_whose_anchors_are_all_ignored_has_no_loss_and_no_gradient(box_loss):
    labels = tuple(map(ops.convert_to_tensor, (np.full((4, 5), -2), BOXES)))
    loss = DetectionLoss(box_loss=box_loss)
    assert float(loss(labels, (LOGITS, PREDICTED))) == 0.0
    found = gradients(lambda *outputs: loss(labels, outputs), (LOGITS, PREDICTED))
    assert not any(gradient.any() for gradient in found)


@every_box_loss
def test_ignored_anchors_move_nothing_and_background_moves_no_box(box_loss):
    labels = tuple(map(ops.convert_to_tensor, (CLASSES, BOXES)))
    loss = DetectionLoss(box_loss=box_loss)
    logits, boxes = gradients(lambda *outputs: loss(labels, outputs), (LOGITS, PREDICTED))
    np.testing.assert_array_equal(logits.any(axis=-1), CLASSES != -2)
    assert boxes[CLASSES >= 0].any()
    assert not boxes[CLASSES < 0].any()


@every_box_loss
def test_boxes_of_other_anchors_are_never_read(box_loss):
    is_positive = CLASSES[..., None] >= 0
    targets, boxes = (np.where(is_positive, x, np.nan) for x in (BOXES, PREDICTED))
    found = values(targets=targets, boxes=boxes.astype("float32"), box_loss=box_loss)
    np.testing.assert_array_equal(found, values(box_loss=box_loss))
    labels = tuple(map(ops.convert_to_tensor, (CLASSES, targets)))
    loss = DetectionLoss(box_loss=box_loss)
    moved = gradients(lambda *outputs: loss(labels, outputs), (LOGITS, boxes))
    assert all(np.isfinite(gradient).all() for gradient in moved)


def test_an_image_of_twice_the_objects_weighs_the_same():
    twice = [np.concatenate([x, x], axis=1) for x in (CLASSES, BOXES, LOGITS, PREDICTED)]
    has_objects = (CLASSES >= 0).any(axis=1)
    # Other roundings of the same sums.
    np.testing.assert_allclose(values(*twice)[has_objects], values()[has_objects], rtol=2e-6)
    np.testing.assert_allclose(values(*twice)[~has_objects], 2 * values()[~has_objects], rtol=2e-6)


def test_the_order_of_the_anchors_is_irrelevant():
    order = RNG.permutation(5)
    moved = [x[:, order] for x in (CLASSES, BOXES, LOGITS, PREDICTED)]
    np.testing.assert_allclose(values(*moved), values(), rtol=2e-6)  # other roundings


def test_without_alpha_and_gamma_the_classes_have_their_crossentropy():
    found = values(alpha=None, gamma=0.0, logits=np.zeros_like(LOGITS), box_weight=0.0)
    n_counted, n_positive = (CLASSES >= -1).sum(axis=1), (CLASSES >= 0).sum(axis=1)
    expected = 3 * np.log(2) * n_counted / np.maximum(n_positive, 1)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_class_targets_may_be_floats():
    np.testing.assert_array_equal(values(CLASSES.astype("float32")), values())


def test_a_nan_in_a_label_leaves_its_image_out():
    classes = CLASSES.astype("float32")
    classes[1, 3] = np.nan
    loss = DetectionLoss(box_loss="giou")
    term = kml.LossTerm(loss, ["logits", "boxes"], ["classes", "targets"], mask="nan")
    found = kml.WeightedSumLoss([term])(
        {"classes": classes, "targets": BOXES.astype("float32")},
        {"logits": LOGITS, "boxes": PREDICTED},
    )
    expected = values(box_loss="giou")[[0, 2, 3]].mean()
    assert float(found) == pytest.approx(expected, rel=1e-6)


@needs_unknown_shapes
@every_box_loss
def test_batch_anchors_and_classes_may_be_unknown_while_tracing(box_loss):
    import tensorflow as tf

    loss = DetectionLoss(box_loss=box_loss)
    flat, boxes = tf.TensorSpec((None, None), "int32"), tf.TensorSpec((None, None, 4))
    traced = tf.function(
        lambda classes, targets, logits, predicted: loss((classes, targets), (logits, predicted)),
        input_signature=[flat, boxes, tf.TensorSpec((None, None, None)), boxes],
    )
    found = traced(CLASSES.astype("int32"), BOXES.astype("float32"), LOGITS, PREDICTED)
    assert float(found) == pytest.approx(values(box_loss=box_loss).mean(), rel=1e-6)


def test_one_hot_class_targets_are_refused():
    message = exactly(
        "DetectionLoss: the class_targets do not fit the anchors.",
        "  Expected: shape (4, 5)",
        "  Received: shape (4, 5, 3)",
        "  Hint: class targets are class numbers, not one-hot",
    )
    with pytest.raises(ValueError, match=message):
        values(np.zeros((4, 5, 3)))


def test_boxes_for_other_anchors_are_refused():
    message = exactly(
        "DetectionLoss: the box_targets do not fit the anchors.",
        "  Expected: shape (4, 5, 4)",
        "  Received: shape (4, 6, 4)",
    )
    with pytest.raises(ValueError, match=message):
        values(targets=np.zeros((4, 6, 4)))


@pytest.mark.parametrize(
    "arguments",
    [
        {"box_loss": "l1"},
        {"box_weight": -1.0},
        {"alpha": 0.0},
        {"alpha": 1.5},
        {"gamma": -1.0},
        {"beta": 0.0},
    ],
    ids=str,
)
def test_arguments_out_of_range_are_refused(arguments):
    (name,) = arguments
    with pytest.raises(
        ValueError, match=rf"\ADetectionLoss: `{name}` (must be|is not one|is out) "
    ):
        DetectionLoss(**arguments)
