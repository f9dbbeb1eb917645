"""`PseudoLabelLoss`: which samples count, what is their class, and what gets no gradient."""

import numpy as np
import pytest

from keras_multiloss._platform import keras, ops
from keras_multiloss.losses import PseudoLabelLoss
from tests.lanes import needs_unknown_shapes
from tests.losses.gradients import gradients
from tests.losses.messages import exactly
from tests.losses.references_of_unlabelled import pseudo_label

RNG = np.random.default_rng(22)
STRONG, WEAK, LABELLED = RNG.dirichlet(np.full(5, 0.3), size=(3, 8)).astype("float32")


def values(*outputs, **arguments):
    outputs = tuple(ops.convert_to_tensor(np.float32(x)) for x in outputs)
    return ops.convert_to_numpy(PseudoLabelLoss(**arguments).call(None, outputs))


@pytest.mark.parametrize("align_distribution", [False, True])
@pytest.mark.parametrize("threshold", [0.0, 0.6, 0.95])
def test_adamatch_equals_the_reference(threshold, align_distribution):
    arguments = {"threshold": threshold, "align_distribution": align_distribution}
    outputs = [x.astype("float64") for x in (STRONG, WEAK, LABELLED)]
    np.testing.assert_allclose(
        values(STRONG, WEAK, LABELLED, **arguments),
        pseudo_label(None, *outputs, **arguments),
        rtol=1e-5,  # logarithms of float32; probabilities below 1e-7 would be clipped
    )


def test_confident_samples_have_the_cross_entropy_of_keras():
    is_sure = WEAK.max(axis=-1) >= 0.7
    assert 0 < is_sure.sum() < len(WEAK)
    theirs = keras.losses.SparseCategoricalCrossentropy()(
        WEAK[is_sure].argmax(axis=-1), STRONG[is_sure]
    )
    found = values(STRONG, WEAK, threshold=0.7)
    assert found[is_sure].mean() == pytest.approx(float(theirs), rel=1e-5)  # as it clips
    assert not found[~is_sure].any()


def test_the_mean_is_over_all_samples():
    found = float(PseudoLabelLoss(threshold=0.7)(None, (STRONG, WEAK)))
    assert found == pytest.approx(values(STRONG, WEAK, threshold=0.7).sum() / 8, rel=1e-6)


def test_a_confidence_of_just_the_threshold_is_enough():
    assert values([[0.5, 0.5]], [[0.95, 0.05]]) == pytest.approx(np.log(2))


def test_a_relative_threshold_follows_the_confidence_of_labelled_samples():
    weak, strong = [[0.6, 0.4], [0.55, 0.45]], [[0.5, 0.5]] * 2
    labelled = [[0.9, 0.1], [0.3, 0.7]]  # 0.72 times 0.8 is 0.576
    assert values(strong, weak, labelled, threshold=0.72) == pytest.approx([np.log(2), 0.0])


def test_alignment_by_hand():
    # The mean of the weak view is (0.6, 0.4), of labelled samples (0.3, 0.7): the weights of
    # the classes are 1/2 and 7/4, and (0.6, 0.4) becomes (0.3, 0.7).
    weak, strong = [[0.6, 0.4]] * 2, [[0.8, 0.2]] * 2
    found = values(strong, weak, [[0.3, 0.7]] * 2, align_distribution=True)
    assert found == pytest.approx([-np.log(0.2)] * 2, rel=1e-6)


def test_only_confident_strong_views_move():
    loss = PseudoLabelLoss(threshold=0.7, align_distribution=True)
    strong, *others = gradients(lambda *x: ops.sum(loss.call(None, x)), (STRONG, WEAK, LABELLED))
    counts = values(STRONG, WEAK, LABELLED, threshold=0.7, align_distribution=True) > 0
    np.testing.assert_array_equal(strong.any(axis=-1), counts)
    assert not any(gradient.any() for gradient in others)


def test_a_class_that_no_sample_has_keeps_alignment_finite():
    weak = np.eye(5)[[0, 0, 1, 1]]
    found = values(STRONG[:4], weak, np.eye(5)[[2, 3, 2, 3]], align_distribution=True)
    assert np.isfinite(found).all()


def test_logits_and_their_probabilities_give_the_same():
    outputs = STRONG, WEAK, LABELLED
    arguments = {"threshold": 0.8, "align_distribution": True}
    np.testing.assert_allclose(
        values(*np.log(outputs), from_logits=True, **arguments),
        values(*outputs, **arguments),
        rtol=1e-5,  # the sum of probabilities is 1 but for 1e-7
    )


def test_each_pixel_is_a_sample():
    images = [x.reshape(2, 2, 2, 5) for x in (STRONG, WEAK, LABELLED)]
    arguments = {"threshold": 0.8, "align_distribution": True}
    found = values(*images, **arguments)
    assert found.shape == (2, 2, 2)
    np.testing.assert_allclose(
        found.ravel(), values(STRONG, WEAK, LABELLED, **arguments), rtol=1e-6
    )


@needs_unknown_shapes
def test_batch_and_classes_may_be_unknown_while_tracing():
    import tensorflow as tf

    loss = PseudoLabelLoss(threshold=0.7, align_distribution=True)
    spec = tf.TensorSpec((None, None))
    traced = tf.function(lambda *outputs: loss(None, outputs), input_signature=[spec] * 3)
    expected = values(STRONG, WEAK, LABELLED, threshold=0.7, align_distribution=True).mean()
    assert float(traced(STRONG, WEAK, LABELLED)) == pytest.approx(expected, rel=1e-6)


def test_alignment_without_labelled_samples_is_refused():
    message = exactly(
        "PseudoLabelLoss: it has no distribution to align with.",
        "  Expected: the outputs (strong, weak, labelled), in this order",
        "  Received: the outputs (strong, weak)",
        "  Hint: name the output of labelled samples too, or leave out `align_distribution`",
    )
    with pytest.raises(ValueError, match=message):
        values(STRONG, WEAK, align_distribution=True)


def test_a_threshold_above_one_is_refused():
    with pytest.raises(ValueError, match=r"\APseudoLabelLoss: `threshold` is out of range"):
        PseudoLabelLoss(threshold=95)
