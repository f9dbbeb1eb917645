"""`MultiBoxLoss`: which negatives count, what divides them, and its parts."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import ops
from keras_multiloss.losses import MultiBoxLoss
from tests.lanes import needs_unknown_shapes
from tests.losses.case import total
from tests.losses.gradients import gradients
from tests.losses.messages import exactly
from tests.losses.references_of_detection import multi_box

RNG = np.random.default_rng(17)
#: Five images of 40 anchors: few objects, none, many, background none, all ignored.
CLASSES = np.full((5, 40), -1)
CLASSES[0, [3, 20]] = [0, 2]
CLASSES[2, ::2] = np.tile([0, 1, 2, -2], 5)
CLASSES[3] = np.tile([1, -2], 20)
CLASSES[4] = -2
TARGETS, BOXES = RNG.normal(size=(2, 5, 40, 4)).astype("float32")
LOGITS = RNG.normal(size=(5, 40, 4)).astype("float32")


def parts(classes=CLASSES, targets=TARGETS, logits=LOGITS, boxes=BOXES, **arguments):
    labels = tuple(ops.convert_to_tensor(np.asarray(x)) for x in (classes, targets))
    outputs = tuple(ops.convert_to_tensor(np.asarray(x, "float32")) for x in (logits, boxes))
    found = MultiBoxLoss(**arguments).call(labels, outputs)
    return {name: ops.convert_to_numpy(part) for name, part in found.items()}


def gradients_of(classes=CLASSES, targets=TARGETS, logits=LOGITS, boxes=BOXES, **arguments):
    labels = tuple(map(ops.convert_to_tensor, (classes, targets)))
    loss = MultiBoxLoss(**arguments)
    return gradients(lambda *outputs: loss(labels, outputs), (logits, boxes))


@pytest.mark.parametrize("negatives_per_positive", [0.3, 1.0, 2.5, 3.0, 100.0])
def test_parts_equal_the_reference(negatives_per_positive):
    arguments = {"negatives_per_positive": negatives_per_positive, "box_weight": 2.0, "beta": 0.5}
    found = parts(**arguments)
    expected = multi_box((CLASSES, TARGETS), LOGITS.astype("float64"), BOXES, **arguments)
    assert list(found) == ["classes", "boxes"]
    for name, part in found.items():
        np.testing.assert_allclose(part, expected[name], rtol=5e-6)  # sums of up to 160 numbers


def test_two_anchors_by_hand():
    # log 2 each for the object and the negative; (0.5^2 / 2 + 2 - 0.5) for the box.
    found = parts([[0, -1]], np.zeros((1, 2, 4)), np.zeros((1, 2, 2)), [[[0.5, 2, 0, 0]] * 2])
    assert found["classes"] == pytest.approx(2 * np.log(2), rel=1e-6)
    assert found["boxes"] == pytest.approx(0.125 + 1.5, rel=1e-6)


def test_the_first_logit_is_that_of_background():
    certain = 100 * np.eye(4)[[0, 1, 2, 3]][None]
    found = parts([[-1, 0, 1, 2]], np.zeros((1, 4, 4)), certain, np.zeros((1, 4, 4)))
    assert total(found) == pytest.approx(0.0, abs=1e-6)


def test_only_the_hardest_negatives_move():
    logits, _ = gradients_of(negatives_per_positive=2.0)
    moved = logits[0].any(axis=-1)
    hardness = -LOGITS[0, :, 0] + np.log(np.exp(LOGITS[0]).sum(axis=-1))
    hardest = np.argsort(np.where(CLASSES[0] == -1, -hardness, 1.0))[:4]
    assert set(np.flatnonzero(moved)) == {3, 20, *hardest}


def test_of_equal_negatives_the_first_count():
    logits, _ = gradients_of(logits=np.zeros_like(LOGITS))
    assert list(np.flatnonzero(logits[0].any(axis=-1))) == [0, 1, 2, 3, 4, 5, 6, 20]


def test_an_image_without_objects_has_no_loss_and_no_gradient():
    found = total(parts())
    assert found[1] == found[4] == 0.0
    logits, boxes = gradients_of()
    assert not logits[[1, 4]].any()
    assert not boxes[[1, 4]].any()


def test_ignored_anchors_move_nothing_and_background_moves_no_box():
    logits, boxes = gradients_of(negatives_per_positive=100.0)
    has_objects = (CLASSES >= 0).any(axis=1, keepdims=True)
    np.testing.assert_array_equal(logits.any(axis=-1), has_objects & (CLASSES != -2))
    np.testing.assert_array_equal(boxes.any(axis=-1), CLASSES >= 0)


def test_boxes_of_other_anchors_are_never_read():
    is_positive = CLASSES[..., None] >= 0
    targets, boxes = (np.where(is_positive, x, np.float32(np.nan)) for x in (TARGETS, BOXES))
    np.testing.assert_array_equal(total(parts(targets=targets, boxes=boxes)), total(parts()))
    moved = gradients_of(targets=targets, boxes=boxes)
    assert all(np.isfinite(gradient).all() for gradient in moved)


def test_an_image_of_twice_the_objects_weighs_the_same():
    twice = [np.concatenate([x, x], axis=1) for x in (CLASSES, TARGETS, LOGITS, BOXES)]
    np.testing.assert_allclose(total(parts(*twice)), total(parts()), rtol=2e-6)  # other roundings


def test_class_targets_may_be_floats():
    floats = parts(CLASSES.astype("float32"))
    np.testing.assert_array_equal(total(floats), total(parts()))


def test_a_term_logs_both_parts():
    loss = MultiBoxLoss(box_weight=2.0)
    term = kml.LossTerm(loss, ["logits", "boxes"], ["classes", "targets"], name="boxes")
    found = kml.WeightedSumLoss([term]).term_losses(
        {"classes": CLASSES, "targets": TARGETS}, {"logits": LOGITS, "boxes": BOXES}
    )
    expected = parts(box_weight=2.0)
    assert float(found["boxes_classes"]) == pytest.approx(expected["classes"].mean(), rel=1e-6)
    assert float(found["boxes_boxes"]) == pytest.approx(expected["boxes"].mean(), rel=1e-6)


@needs_unknown_shapes
def test_batch_anchors_and_classes_may_be_unknown_while_tracing():
    import tensorflow as tf

    loss = MultiBoxLoss()
    flat, boxes = tf.TensorSpec((None, None), "int32"), tf.TensorSpec((None, None, 4))
    traced = tf.function(
        lambda classes, targets, logits, predicted: loss((classes, targets), (logits, predicted)),
        input_signature=[flat, boxes, tf.TensorSpec((None, None, None)), boxes],
    )
    found = traced(CLASSES.astype("int32"), TARGETS, LOGITS, BOXES)
    assert float(found) == pytest.approx(total(parts()).mean(), rel=1e-6)


def test_boxes_for_other_anchors_are_refused():
    message = exactly(
        "MultiBoxLoss: the box_targets do not fit the anchors.",
        "  Expected: shape (5, 40, 4)",
        "  Received: shape (5, 41, 4)",
    )
    with pytest.raises(ValueError, match=message):
        parts(targets=np.zeros((5, 41, 4)))


@pytest.mark.parametrize(
    "arguments", [{"negatives_per_positive": 0.0}, {"box_weight": -1.0}, {"beta": 0.0}], ids=str
)
def test_arguments_out_of_range_are_refused(arguments):
    (name,) = arguments
    with pytest.raises(ValueError, match=rf"\AMultiBoxLoss: `{name}` must be "):
        MultiBoxLoss(**arguments)
