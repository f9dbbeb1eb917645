"""`SupervisedContrastiveLoss`: its limits, missing classes, lonely samples, what it refuses."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras
from tests.losses import references_of_embeddings as references
from tests.losses.messages import exactly

RNG = np.random.default_rng(12)
VIEWS = RNG.normal(size=(6, 2, 4)).astype("float32")
ONE, OTHER = VIEWS[:, 0], VIEWS[:, 1]
CLASSES = np.array([0, 1, 0, 2, 1, 0])
#: Sums of twelve float32 numbers in another order.
CLOSE = {"rtol": 1e-5, "atol": 1e-6}


def values(label, outputs):
    loss = kml.losses.SupervisedContrastiveLoss(reduction="none")
    return np.array([float(x) for x in loss(label, outputs)])


def test_views_mean_the_same_in_one_output_and_in_several():
    together, apart = values(CLASSES, VIEWS), values(CLASSES, (ONE, OTHER))
    np.testing.assert_allclose(together, apart, **CLOSE)


def test_the_order_of_samples_and_of_views_is_irrelevant():
    order = RNG.permutation(6)
    shuffled = values(CLASSES[order], VIEWS[order][:, ::-1].copy())
    np.testing.assert_allclose(shuffled, values(CLASSES, VIEWS)[order], **CLOSE)


def test_only_the_angles_of_embeddings_count():
    scaled = VIEWS * np.arange(1, 7, dtype="float32").reshape(6, 1, 1)
    np.testing.assert_allclose(values(CLASSES, scaled), values(CLASSES, VIEWS), **CLOSE)


def test_two_views_in_classes_of_their_own_give_nt_xent():
    found = values(np.arange(6), (ONE, OTHER)).mean()
    expected = float(kml.losses.NTXentLoss(temperature=0.1)(None, (ONE, OTHER)))
    assert found == pytest.approx(expected, rel=1e-5)


def test_a_sample_that_is_alone_in_its_class_gives_zero_and_counts():
    found = values(CLASSES, ONE)
    assert found[3] == 0.0
    loss = float(kml.losses.SupervisedContrastiveLoss()(CLASSES, ONE))
    assert loss == pytest.approx(found.sum() / 6, rel=1e-6)


def test_a_batch_of_one_gives_zero():
    assert values(CLASSES[:1], ONE[:1]).tolist() == [0.0]


def test_samples_without_a_known_class_are_alike_with_none():
    label = np.array([0, -1, 0, -1, 1, -2])
    assert values(label, ONE)[[1, 3, 5]].tolist() == [0.0, 0.0, 0.0]
    expected = references.supervised_contrastive(label, VIEWS.astype("float64"), temperature=0.1)
    np.testing.assert_allclose(values(label, VIEWS), expected, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32"])
def test_the_dtype_and_a_last_axis_of_class_numbers_are_irrelevant(dtype):
    label = CLASSES.astype(dtype)[:, None]
    np.testing.assert_array_equal(values(label, ONE), values(CLASSES, ONE))


def test_a_model_trains_with_views_of_a_known_and_of_an_unknown_number_of_samples():
    x = keras.Input((2, 4), name="x")
    model = kml.MultiLossModel(x, {"views": keras.layers.Dense(3)(x)})
    loss = kml.losses.SupervisedContrastiveLoss()
    model.compile("sgd", loss=kml.LossTerm(loss, "views", "class"))
    history = model.fit(VIEWS, {"class": CLASSES}, batch_size=4, epochs=1, verbose=0).history
    assert np.isfinite(history["views_loss"]).all()


def test_images_in_place_of_embeddings_are_refused():
    message = exactly(
        "SupervisedContrastiveLoss: the output is neither one vector nor several views per sample.",
        "  Expected: an output of shape (batch, n) or (batch, n_views, n)",
        "  Received: shape (6, 2, 2, 2)",
    )
    with pytest.raises(ValueError, match=message):
        values(CLASSES, VIEWS.reshape(6, 2, 2, 2))


def test_views_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="its outputs differ in shape"):
        values(CLASSES, (ONE, OTHER[:, :3]))


def test_a_label_for_each_view_is_refused():
    with pytest.raises(ValueError, match="the label does not fit the output"):
        values(np.stack([CLASSES, CLASSES], axis=1), VIEWS)
