"""`JaccardLoss`: forms of labels, empty regions, void places, Keras's own maths, refusals."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras
from tests.losses.gradients import gradients
from tests.losses.messages import exactly

RNG = np.random.default_rng(15)
NUMBERS = RNG.integers(0, 3, (5, 4, 6))
ONE_HOT = np.eye(3, dtype="float32")[NUMBERS]
OUTPUT = RNG.dirichlet(np.ones(3), (5, 4, 6)).astype("float32")
#: Sums of 24 float32 numbers in another order.
CLOSE = {"rtol": 1e-5, "atol": 1e-6}


def values(label, output, **arguments):
    loss = kml.losses.JaccardLoss(reduction="none", **arguments)
    return np.array([float(x) for x in loss(label, output)])


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32"])
def test_class_numbers_mean_what_one_hot_labels_mean(dtype):
    expected = values(ONE_HOT, OUTPUT)
    for label in (NUMBERS.astype(dtype), NUMBERS[..., None].astype(dtype)):
        np.testing.assert_allclose(values(label, OUTPUT), expected, **CLOSE)


def test_a_map_of_one_region_needs_no_axis_of_classes():
    label, output = (NUMBERS == 1).astype("uint8"), OUTPUT[..., :1]
    np.testing.assert_allclose(values(label, output), values(label[..., None], output), **CLOSE)


def test_logits_are_those_of_softmax_or_of_a_sigmoid():
    found = values(NUMBERS, np.log(OUTPUT), from_logits=True)
    np.testing.assert_allclose(found, values(NUMBERS, OUTPUT), **CLOSE)
    label, p = NUMBERS == 1, OUTPUT[..., :1]
    found = values(label, np.log(p / (1 - p)), from_logits=True)
    np.testing.assert_allclose(found, values(label, p), **CLOSE)


@pytest.mark.parametrize("axes", [(24,), (4, 6), (2, 3, 4)])
def test_the_number_of_spatial_axes_is_irrelevant(axes):
    found = values(NUMBERS.reshape(5, *axes), OUTPUT.reshape(5, *axes, 3))
    np.testing.assert_allclose(found, values(NUMBERS, OUTPUT), **CLOSE)


def test_a_perfect_segmentation_costs_nothing():
    assert values(NUMBERS, ONE_HOT).tolist() == [0.0] * 5


def test_a_class_that_is_neither_there_nor_predicted_costs_nothing():
    empty = np.zeros((1, 4, 6, 1), "float32")
    assert values(empty, empty).tolist() == [0.0]


def test_void_places_neither_count_nor_get_gradients():
    label = NUMBERS.copy()
    label[:, 0] = 255
    np.testing.assert_allclose(
        values(label, OUTPUT), values(NUMBERS[:, 1:], OUTPUT[:, 1:]), **CLOSE
    )
    loss = kml.losses.JaccardLoss()
    (found,) = gradients(lambda output: loss(label, output), (OUTPUT,))
    assert not found[:, 0].any()
    assert found[:, 1:].any()


def test_classes_are_those_of_which_the_mean_is_taken():
    each = [values(NUMBERS, OUTPUT, classes=[c]) for c in range(3)]
    np.testing.assert_allclose(values(NUMBERS, OUTPUT), np.mean(each, axis=0), **CLOSE)
    found = values(NUMBERS, OUTPUT, classes=(2, 1))
    np.testing.assert_allclose(found, np.mean(each[1:], axis=0), **CLOSE)


@pytest.mark.skipif(
    not hasattr(keras.losses, "Tversky"), reason="keras.losses.Tversky came with Keras 3"
)
def test_it_is_the_tversky_loss_of_keras_with_both_factors_at_one():
    tversky = keras.losses.Tversky(alpha=1.0, beta=1.0)
    for c in range(3):
        of_keras = [
            float(tversky(ONE_HOT[i : i + 1, ..., c], OUTPUT[i : i + 1, ..., c])) for i in range(5)
        ]
        found = values(NUMBERS, OUTPUT, classes=[c], smoothing=1e-7)
        np.testing.assert_allclose(found, of_keras, **CLOSE)


def test_a_model_trains_with_it():
    x = keras.Input((4, 6, 1), name="x")
    model = keras.Model(x, keras.layers.Conv2D(3, 3, padding="same", activation="softmax")(x))
    model.compile(keras.optimizers.Adam(0.05), loss=kml.losses.JaccardLoss())
    image = NUMBERS[..., None].astype("float32")
    history = model.fit(image, NUMBERS, epochs=5, verbose=0).history["loss"]
    assert history[-1] < history[0]


def test_one_vector_per_sample_is_refused():
    message = exactly(
        "JaccardLoss: the output has no spatial axes.",
        "  Expected: an output of shape (batch, ..., n_classes)",
        "  Received: shape (5, 3)",
    )
    with pytest.raises(ValueError, match=message):
        values(NUMBERS[:, 0, 0], OUTPUT[:, 0, 0])


def test_a_label_of_another_size_is_refused():
    with pytest.raises(ValueError, match="the label does not fit the output"):
        values(NUMBERS[:, 1:], OUTPUT)
    with pytest.raises(ValueError, match="the label does not have the shape of the output"):
        values(ONE_HOT[..., :2], OUTPUT)


def test_a_class_that_the_output_does_not_have_is_refused():
    message = exactly(
        "JaccardLoss: `classes` names a class that the output does not have.",
        "  Expected: class numbers from 0 to 2",
        "  Received: 3",
    )
    with pytest.raises(ValueError, match=message):
        values(NUMBERS, OUTPUT, classes=[0, 3])


@pytest.mark.parametrize(
    ("classes", "kind", "problem"),
    [
        (1, TypeError, "`classes` must be a list of class numbers"),
        ([], TypeError, "`classes` must be a list of class numbers"),
        ([1, 1], ValueError, "`classes` has a class twice"),
        ([-1], ValueError, r"`classes\[0\]` must be an integer of at least 0"),
        ([1.5], TypeError, r"`classes\[0\]` must be an integer of at least 0"),
    ],
)
def test_other_classes_are_refused(classes, kind, problem):
    with pytest.raises(kind, match=problem):
        kml.losses.JaccardLoss(classes=classes)
