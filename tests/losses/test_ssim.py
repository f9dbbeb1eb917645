"""`SSIMLoss`: TensorFlow's own, levels and contrasts, flat images, refusals."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras
from tests.lanes import needs_tensorflow, needs_unknown_shapes
from tests.losses import references_of_images as references
from tests.losses.gradients import gradients
from tests.losses.messages import exactly

RNG = np.random.default_rng(16)
LABEL = RNG.uniform(size=(3, 16, 13, 2)).astype("float32")
OUTPUT = np.clip(LABEL + 0.2 * RNG.normal(size=LABEL.shape), 0, 1).astype("float32")
#: The blurs sum 121 float32 numbers below 1, and c2 is near 1e-3.
CLOSE = {"rtol": 1e-5, "atol": 1e-5}


def values(label, output, **arguments):
    loss = kml.losses.SSIMLoss(reduction="none", **arguments)
    return np.array([float(x) for x in loss(label, output)])


def test_values_with_the_windows_of_the_paper_equal_the_reference():
    expected = references.ssim(LABEL.astype("float64"), OUTPUT.astype("float64"))
    np.testing.assert_allclose(values(LABEL, OUTPUT), expected, **CLOSE)


@needs_tensorflow
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({}, {"max_val": 1.0}),
        (
            {"window_size": 4, "sigma": 0.7, "k1": 0.1, "k2": 0.2, "max_value": 2.0},
            {"filter_size": 4, "filter_sigma": 0.7, "k1": 0.1, "k2": 0.2, "max_val": 2.0},
        ),
    ],
)
def test_values_equal_those_of_tensorflow(ours, theirs):
    import tensorflow as tf

    expected = 1 - tf.image.ssim(LABEL, OUTPUT, **theirs).numpy()
    np.testing.assert_allclose(values(LABEL, OUTPUT, **ours), expected, **CLOSE)


def test_bytes_as_labels_mean_their_numbers():
    label = np.round(255 * LABEL).astype("uint8")
    expected = references.ssim(label.astype("float64"), 255.0 * OUTPUT, max_value=255.0)
    found = values(label, 255 * OUTPUT, max_value=255.0)
    np.testing.assert_allclose(found, expected, **CLOSE)


def test_equal_images_cost_nothing():
    np.testing.assert_allclose(values(LABEL, LABEL), np.zeros(3), atol=1e-6)


def test_equal_images_have_no_gradient():
    (found,) = gradients(lambda output: kml.losses.SSIMLoss()(LABEL, output), (LABEL,))
    np.testing.assert_allclose(found, np.zeros_like(LABEL), atol=1e-6)


def test_label_and_output_may_change_places():
    np.testing.assert_allclose(values(OUTPUT, LABEL), values(LABEL, OUTPUT), **CLOSE)


def test_flat_images_differ_by_their_levels():
    dark, bright = np.full((1, 11, 11, 1), 0.2), np.full((1, 11, 11, 1), 0.6)
    expected = 1 - (2 * 0.2 * 0.6 + 1e-4) / (0.2**2 + 0.6**2 + 1e-4)
    assert values(dark, bright) == pytest.approx(expected, abs=1e-5)


def test_a_large_level_costs_no_digits_of_the_structure():
    label, output = LABEL + 1000.0, OUTPUT + 1000.0
    expected = references.ssim(label.astype("float64"), output.astype("float64"))
    np.testing.assert_allclose(values(label, output), expected, rtol=1e-4)
    assert np.isfinite(values(1e6 * LABEL, 1e6 * OUTPUT)).all()


def test_images_of_one_channel_need_no_axis_for_it():
    one, other = LABEL[..., :1], OUTPUT[..., :1]
    np.testing.assert_array_equal(values(one[..., 0], other), values(one, other))


@needs_unknown_shapes
def test_a_graph_that_knows_no_sizes_gives_the_same():
    import tensorflow as tf

    spec = tf.TensorSpec([None, None, None, None], tf.float32)
    traced = tf.function(kml.losses.SSIMLoss(reduction="none"), input_signature=[spec, spec])
    np.testing.assert_allclose(traced(LABEL, OUTPUT), values(LABEL, OUTPUT), **CLOSE)


def test_a_model_trains_with_it():
    x = keras.Input((16, 13, 2), name="x")
    model = keras.Model(x, keras.layers.Conv2D(2, 3, padding="same")(x))
    model.compile(keras.optimizers.Adam(0.05), loss=kml.losses.SSIMLoss())
    history = model.fit(OUTPUT, LABEL, epochs=5, verbose=0).history["loss"]
    assert history[-1] < history[0]


@pytest.mark.parametrize("shape", [(3, 16, 13), (3, 10, 13, 1)])
def test_what_has_no_room_for_a_window_is_refused(shape):
    message = exactly(
        "SSIMLoss: the output is not a batch of images in which a window has room.",
        "  Expected: an output of shape (batch, height, width, n_channels), a height and a width "
        "of at least 11",
        f"  Received: shape {shape}",
        "  Hint: a smaller `window_size` takes smaller images",
    )
    with pytest.raises(ValueError, match=message):
        values(np.zeros(shape, "float32"), np.zeros(shape, "float32"))


def test_a_label_of_another_size_is_refused():
    with pytest.raises(ValueError, match="the label does not have the shape of the output"):
        values(LABEL[:, 1:], OUTPUT)
