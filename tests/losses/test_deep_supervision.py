"""`DeepSupervisionLoss`: resizing, weights, inner losses, and what it refuses."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras, ops
from keras_multiloss.losses import DeepSupervisionLoss
from tests.losses.case import total
from tests.losses.messages import exactly


def sides(label, *outputs, loss="mse", **arguments):
    outputs = tuple(ops.convert_to_tensor(np.array(out, "float32")) for out in outputs)
    label = ops.convert_to_tensor(np.asarray(label))
    found = DeepSupervisionLoss(loss, **arguments).call(label, outputs)
    return {name: ops.convert_to_numpy(part) for name, part in found.items()}


def supervised(*data, **arguments):
    return total(sides(*data, **arguments))


def test_each_output_meets_the_middle_of_its_label_entries():
    label = np.arange(16.0, dtype="float32").reshape(1, 4, 4, 1)
    quarters = np.array([[5.0, 7.0], [13.0, 15.0]]).reshape(1, 2, 2, 1)
    assert supervised(label, label, quarters) == [0.0]


def test_an_output_larger_than_the_label_meets_repeated_entries():
    label = np.array([1.0, 2.0], "float32").reshape(1, 2, 1)
    assert supervised(label, label, np.array([1.0, 1, 1, 2, 2, 2]).reshape(1, 6, 1)) == [0.0]


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ("same", (1 + 2 + 4) / 3),
        ("halving", (4 * 1 + 2 * 2 + 1 * 4) / 7),
        ([1.0, 0.5, 0.25], 1 + 1 + 1),
        ([0.0, 1.0, 0.0], 2),
    ],
)
def test_outputs_are_weighed_from_the_first_on(weights, expected):
    label = np.zeros((1, 4, 1), "float32")
    outputs = [np.full((1, 4, 1), 1.0), np.full((1, 2, 1), 2.0), np.full((1, 1, 1), 4.0)]
    assert supervised(label, *outputs, loss="mae", weights=weights) == pytest.approx(
        expected, rel=1e-6
    )


def test_each_part_is_the_weighed_loss_of_one_output():
    label = np.zeros((2, 4, 1), "float32")
    outputs = [np.full((2, 4, 1), 1.0), np.full((2, 2, 1), 2.0), np.full((2, 1, 1), 4.0)]
    found = sides(label, *outputs, loss="mae", weights=[1.0, 0.5, 0.0])
    assert list(found) == ["side_0", "side_1", "side_2"]
    np.testing.assert_array_equal(np.stack(list(found.values())), [[1, 1], [1, 1], [0, 0]])


@pytest.mark.parametrize("has_class_axis", [True, False])
def test_integer_classes_stay_classes(has_class_axis):
    classes = np.array([[[0, 2], [1, 2]]], "uint8")
    logits = 100.0 * np.eye(3)[classes]
    label = classes[..., None] if has_class_axis else classes
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    assert supervised(label, logits, logits[:, 1:, 1:], loss=loss) == pytest.approx(0.0, abs=1e-6)


def test_a_missing_sample_counts_for_no_output():
    label = np.array([1.0, np.nan], "float32").reshape(2, 1, 1)
    outputs = [np.zeros((2, 1, 1)), np.zeros((2, 1, 1))]
    loss = DeepSupervisionLoss(kml.losses.MaskedLoss("mse"))
    assert float(loss(label, outputs)) == pytest.approx(1.0)  # not half of it


def test_a_sample_that_misses_its_label_at_one_depth_counts_in_all_parts():
    nan = np.nan  # the coarse output meets the second entry
    label = np.array([[1.0, 1.0], [1.0, nan], [nan, nan]], "float32")[..., None]
    outputs = {"fine": np.zeros((3, 2, 1), "float32"), "coarse": np.zeros((3, 1, 1), "float32")}
    loss = DeepSupervisionLoss(kml.losses.MaskedLoss("mse"), weights=[1.0, 3.0])
    term = kml.LossTerm(loss, list(outputs), "label", name="deep")
    found = kml.WeightedSumLoss([term]).term_losses({"label": label}, outputs)
    assert float(found["deep_side_0"]) == pytest.approx((1 + 1) / 2)
    assert float(found["deep_side_1"]) == pytest.approx((3 + 0) / 2)
    assert float(found["deep"]) == pytest.approx((4 + 1) / 2)


def test_a_sum_of_terms_is_refused_as_by_a_term():
    inner = kml.LossTerm("mse", "a", name="one") + kml.LossTerm("mae", "a", name="two")
    with pytest.raises(TypeError) as of_supervision:
        DeepSupervisionLoss(inner)
    with pytest.raises(TypeError) as of_term:
        kml.LossTerm(inner, "a")
    where, told = str(of_supervision.value).split(": ", 1)
    assert where == "DeepSupervisionLoss"
    assert str(of_term.value).split(": ", 1)[1] == told


def test_the_arguments_of_the_inner_loss_survive_a_config():
    loss = DeepSupervisionLoss(keras.losses.Huber(delta=2.0), weights="halving")
    reloaded = DeepSupervisionLoss.from_config(loss.get_config())
    label, output = np.zeros((1, 2, 2, 1)), np.full((1, 2, 2, 1), 10.0)
    # Huber at 10 with delta 2 is 2 * 10 - 2 = 18; with the default delta it would be 9.5.
    assert float(reloaded(label, (output, output))) == pytest.approx(18.0)


def test_sizes_may_be_unknown_when_the_model_is_built():
    x = keras.Input((None, None, 1), name="x")
    fine = keras.layers.Conv2D(1, 3, padding="same", name="fine")(x)
    coarse = keras.layers.Conv2D(1, 3, strides=2, padding="same", name="coarse")(x)
    model = kml.MultiLossModel(x, {"fine": fine, "coarse": coarse})
    loss = kml.LossTerm(DeepSupervisionLoss("mse"), ["fine", "coarse"], "mask", name="mask")
    model.compile("sgd", loss=loss)
    images = np.random.default_rng(0).normal(size=(2, 8, 8, 1)).astype("float32")
    outputs = model.predict(images, verbose=0)
    fine_error = np.mean((images - outputs["fine"]) ** 2)
    coarse_error = np.mean((images[:, 1::2, 1::2] - outputs["coarse"]) ** 2)
    logs = model.evaluate(images, {"mask": images}, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx((fine_error + coarse_error) / 2, rel=1e-5)


def test_weights_for_another_number_of_outputs_are_refused():
    message = exactly(
        "DeepSupervisionLoss: `weights` does not fit the outputs.",
        "  Expected: one weight for each of 3 outputs",
        "  Received: [1.0, 0.5]",
    )
    with pytest.raises(ValueError, match=message):
        supervised(np.zeros((1, 4, 1)), *[np.zeros((1, 4, 1))] * 3, weights=[1.0, 0.5])


def test_unknown_weights_are_refused():
    with pytest.raises(ValueError, match="did you mean 'halving'"):
        DeepSupervisionLoss("mse", weights="halved")


def test_a_label_without_spatial_axes_is_refused():
    message = exactly(
        "DeepSupervisionLoss: the label lacks spatial axes of the outputs.",
        "  Expected: a label of 3 axes or more, for an output of shape (1, 4, 4, 1)",
        "  Received: shape (1, 4)",
    )
    with pytest.raises(ValueError, match=message):
        supervised(np.zeros((1, 4)), np.zeros((1, 4, 4, 1)), np.zeros((1, 2, 2, 1)))


def test_a_label_with_other_channels_is_refused():
    with pytest.raises(ValueError, match="does not have the shape of the output"):
        supervised(np.zeros((1, 4, 4, 2)), np.zeros((1, 4, 4, 3)), np.zeros((1, 2, 2, 3)))


def test_a_lambda_is_refused():
    with pytest.raises(ValueError, match="it is a lambda"):
        DeepSupervisionLoss(lambda label, output: output)
