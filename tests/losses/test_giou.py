"""`GIoULoss`: boxes drawn by hand, a grid of points, and boxes that have no area."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import ops
from keras_multiloss.losses._giou import GIoULoss, giou_loss
from tests.losses.gradients import finite_differences, gradients
from tests.losses.messages import exactly

MODES = ["giou", "iou", "diou", "ciou"]
every_mode = pytest.mark.parametrize("mode", MODES)

RNG = np.random.default_rng(0)


def boxes(n):
    corner = RNG.uniform(0, 3, (n, 2))
    return np.concatenate([corner, corner + RNG.uniform(0.5, 3, (n, 2))], axis=-1)


LABELS, OUTPUTS = boxes(8), boxes(8)


def tensor(array):
    return ops.convert_to_tensor(np.asarray(array, "float32"))


def values(label, output, mode="giou"):
    return ops.convert_to_numpy(giou_loss(tensor(label), tensor(output), mode))


def reference(label, output, mode, alpha=None):
    """The losses of pairs of boxes one by one, from the formulas of the papers."""
    return np.array(
        [
            _reference(a, b, mode, None if alpha is None else alpha[i])
            for i, (a, b) in enumerate(zip(label, output, strict=True))
        ]
    )


def _reference(a, b, mode, alpha):
    iou, outside, diou = overlaps(a, b)
    if mode in {"iou", "giou"}:
        return 1 - iou + (outside if mode == "giou" else 0)
    v = shape_term(a, b)
    alpha = trade_off(a, b) if alpha is None else alpha
    return diou + (alpha * v if mode == "ciou" else 0)


def overlaps(a, b):
    """The overlap, the share of the common frame that neither covers, and the DIoU loss."""
    sides = [min(a[i + 2], b[i + 2]) - max(a[i], b[i]) for i in (0, 1)]
    common = max(sides[0], 0) * max(sides[1], 0)
    union = sum((x[2] - x[0]) * (x[3] - x[1]) for x in (a, b)) - common
    frame = [max(a[i + 2], b[i + 2]) - min(a[i], b[i]) for i in (0, 1)]
    outside = (frame[0] * frame[1] - union) / (frame[0] * frame[1])
    centres = [(x[:2] + x[2:]) / 2 for x in (a, b)]
    distance = np.sum((centres[0] - centres[1]) ** 2) / np.sum(np.square(frame))
    return common / union, outside, 1 - common / union + distance


def shape_term(a, b):
    angles = [np.arctan((x[3] - x[1]) / (x[2] - x[0])) for x in (a, b)]
    return 4 / np.pi**2 * (angles[0] - angles[1]) ** 2


def trade_off(a, b):
    v = shape_term(a, b)
    return v / (1 - overlaps(a, b)[0] + v)


@pytest.mark.parametrize(
    ("label", "output", "iou", "giou"),
    [
        # Drawn on squared paper: |A|, |B| = 4, 4; |A & B| = 1, |C| = 9.
        ([0, 0, 2, 2], [1, 1, 3, 3], 6 / 7, 6 / 7 + 2 / 9),
        ([0, 0, 2, 2], [0, 0, 2, 2], 0, 0),  # the same
        ([0, 0, 2, 2], [0, 0, 1, 2], 1 / 2, 1 / 2),  # one half
        ([0, 0, 1, 1], [0, 2, 1, 3], 1, 1 + 1 / 3),  # a gap of one box between
        ([4, 3, 7, 5], [3, 4, 6, 8], 1 - 2 / 16, 1 - 2 / 16 + 4 / 20),
    ],
)
def test_boxes_drawn_by_hand(label, output, iou, giou):
    assert values([label], [output], "iou") == pytest.approx(iou, rel=1e-6, abs=1e-7)
    assert values([label], [output], "giou") == pytest.approx(giou, rel=1e-6, abs=1e-7)


def test_the_overlap_is_the_share_of_the_points_in_both_boxes():
    grid = np.stack(np.meshgrid(*2 * [np.linspace(0, 6, 1201)], indexing="ij"), axis=-1)
    inside = [
        np.all((box[:2] <= grid) & (grid < box[2:]), axis=-1) for box in (LABELS[0], LABELS[1])
    ]
    share = np.sum(inside[0] & inside[1]) / np.sum(inside[0] | inside[1])
    # A side is known to a step of the grid, 0.005, in lengths of about 1.
    assert values(LABELS[:1], LABELS[1:2], "iou") == pytest.approx(1 - share, abs=0.02)


@every_mode
def test_values_equal_the_reference(mode):
    np.testing.assert_allclose(
        values(LABELS, OUTPUTS, mode), reference(LABELS, OUTPUTS, mode), rtol=2e-6
    )


@every_mode
def test_gradients_equal_finite_differences_with_the_trade_off_held(mode):
    alpha = [trade_off(a, b) for a, b in zip(LABELS, OUTPUTS, strict=True)]
    found = gradients(lambda output: ops.sum(giou_loss(tensor(LABELS), output, mode)), (OUTPUTS,))
    expected = finite_differences(
        lambda output: reference(LABELS, output, mode, alpha).sum(), (OUTPUTS,)
    )
    np.testing.assert_allclose(found[0], expected[0], rtol=2e-5, atol=2e-6)


DEGENERATE = {
    "points in one place": ([1, 1, 1, 1], [1, 1, 1, 1]),
    "points in two places": ([1, 1, 1, 1], [2, 2, 2, 2]),
    "a point in a box": ([0, 0, 2, 2], [1, 1, 1, 1]),
    "a line in a box": ([0, 0, 2, 2], [1, 1, 1, 2]),
    "a line the other way": ([0, 0, 2, 2], [1, 1, 2, 1]),
    "a line and itself": ([1, 1, 1, 2], [1, 1, 1, 2]),
    "a box upside down": ([0, 0, 2, 2], [3, 3, 1, 1]),
    "a box around a point": ([1, 1, 1, 1], [0, 0, 2, 2]),
    "the same box": ([0, 0, 2, 2], [0, 0, 2, 2]),
    "all zeros, as an output may begin": ([0, 0, 2, 2], [0, 0, 0, 0]),
}


@every_mode
@pytest.mark.parametrize(("label", "output"), DEGENERATE.values(), ids=DEGENERATE)
def test_boxes_without_an_area_have_finite_values_and_gradients(label, output, mode):
    assert np.isfinite(values([label], [output], mode)).all()
    found = gradients(
        lambda a, b: ops.sum(giou_loss(a, b, mode)),
        (np.array([label], "float32"), np.array([output], "float32")),
    )
    assert all(np.isfinite(gradient).all() for gradient in found)


@every_mode
def test_a_box_equal_to_its_label_has_no_loss(mode):
    assert values(LABELS, LABELS, mode) == pytest.approx(0.0, abs=1e-6)


@every_mode
def test_moving_and_scaling_both_boxes_changes_nothing(mode):
    # Sides near 10 are known to 1e-6, and so are differences of them that are near 1.
    assert values(2 * LABELS + 5, 2 * OUTPUTS + 5, mode) == pytest.approx(
        values(LABELS, OUTPUTS, mode), abs=1e-5
    )


@every_mode
def test_swapping_rows_and_columns_changes_nothing(mode):
    swapped = [array[:, [1, 0, 3, 2]] for array in (LABELS, OUTPUTS)]
    assert values(*swapped, mode) == pytest.approx(values(LABELS, OUTPUTS, mode), rel=1e-5)


def test_farther_boxes_without_overlap_lose_more_but_for_plain_iou():
    label, near, far = [[0, 0, 1, 1]], [[0, 2, 1, 3]], [[0, 4, 1, 5]]
    for mode in ("giou", "diou", "ciou"):
        assert values(label, far, mode) > values(label, near, mode)
    assert values(label, far, "iou") == values(label, near, "iou") == 1.0


def test_only_ciou_tells_the_shape_of_the_label_from_another():
    # Zheng et al., figure 1: same overlap and centre; only CIoU prefers the shape of the label.
    label, alike, other = [[0, 0, 4, 8]], [[1, 2, 3, 6]], [[0, 3, 4, 5]]
    assert values(label, alike, "diou") == pytest.approx(values(label, other, "diou"))
    assert values(label, alike, "ciou") < values(label, other, "ciou")


def test_axes_of_one_entry_are_kept():
    for shape in [(4,), (1, 4), (1, 1, 4), (2, 1, 4)]:
        assert values(np.ones(shape), np.ones(shape)).shape == shape[:-1]


def test_integer_boxes_give_a_float32_loss():
    box = ops.convert_to_tensor(np.array([[0, 0, 2, 2]], "int32"))
    assert "float32" in str(giou_loss(box, box).dtype)


def test_half_precision_is_computed_in_float32():
    # 300 * 300 = 90000 is infinite in float16.
    label, output = np.array([[0, 0, 300, 300]]), np.array([[0, 0, 300, 150]])
    found = giou_loss(*(ops.cast(tensor(x), "float16") for x in (label, output)))
    assert "float16" in str(found.dtype)
    assert float(found[0]) == 0.5


def test_an_object_reduces_its_values():
    expected = reference(LABELS, OUTPUTS, "giou")
    assert float(GIoULoss()(LABELS, OUTPUTS)) == pytest.approx(expected.mean(), rel=1e-6)
    assert float(GIoULoss(reduction="sum")(LABELS, OUTPUTS)) == pytest.approx(
        expected.sum(), rel=1e-6
    )


def test_boxes_with_a_missing_side_are_left_out_of_a_term():
    label = LABELS.astype("float32")
    label[1] = np.nan
    label[2, 3] = np.nan
    outputs = {"box": OUTPUTS.astype("float32")}
    loss = kml.WeightedSumLoss([kml.LossTerm(GIoULoss(mode="ciou"), "box", mask="nan")])
    there = [0, 3, 4, 5, 6, 7]
    expected = reference(LABELS[there], OUTPUTS[there], "ciou").mean()
    assert float(loss({"box": label}, outputs)) == pytest.approx(expected, rel=1e-6)


def test_boxes_that_would_broadcast_are_refused():
    message = exactly(
        "GIoULoss: the label does not have the shape of the output.",
        "  Expected: a label of shape (8, 4)",
        "  Received: shape (1, 4)",
    )
    with pytest.raises(ValueError, match=message):
        GIoULoss()(LABELS[:1], OUTPUTS)


def test_boxes_need_four_sides():
    message = exactly(
        "giou_loss: `y_pred` does not hold boxes.",
        "  Expected: four sides [y_min, x_min, y_max, x_max] along the last axis",
        "  Received: shape (2, 5)",
    )
    with pytest.raises(ValueError, match=message):
        giou_loss(tensor(np.ones((2, 4))), tensor(np.ones((2, 5))))


@pytest.mark.parametrize(
    ("where", "call"),
    [
        ("GIoULoss", GIoULoss),
        ("giou_loss", lambda mode: values(LABELS, OUTPUTS, mode)),
    ],
    ids=["class", "function"],
)
def test_an_unknown_mode_is_refused(where, call):
    message = exactly(
        f"{where}: `mode` is not one of its choices.",
        "  Expected: one of ['giou', 'iou', 'diou', 'ciou']",
        "  Received: 'eiou'",
        "  Hint: did you mean 'iou'?",
    )
    with pytest.raises(ValueError, match=message):
        call("eiou")
