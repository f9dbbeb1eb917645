"""`SigmoidFocalCrossEntropy`: the numbers of the paper, and logits far from zero."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import ops
from keras_multiloss.losses._focal import SigmoidFocalCrossEntropy, sigmoid_focal_crossentropy
from tests.losses import references
from tests.losses.gradients import finite_differences, gradients
from tests.losses.messages import exactly

RNG = np.random.default_rng(2)
LABELS = RNG.integers(0, 2, (6, 4)) * 1.0
SOFT_LABELS = RNG.uniform(size=(6, 4))
LOGITS = RNG.normal(size=(6, 4))


def tensor(array):
    return ops.convert_to_tensor(np.asarray(array, "float32"))


def values(label, output, **arguments):
    found = sigmoid_focal_crossentropy(tensor(label), tensor(output), **arguments)
    return ops.convert_to_numpy(found)


def reference(label, logits, alpha=0.25, gamma=2.0):
    p = references.sigmoid(logits)
    p_t = label * p + (1 - label) * (1 - p)
    alpha_t = label * alpha + (1 - label) * (1 - alpha)
    entropy = -label * np.log(p) - (1 - label) * np.log(1 - p)
    return np.sum(alpha_t * (1 - p_t) ** gamma * entropy, axis=-1)


@pytest.mark.parametrize(("p", "factor"), [(0.9, 100), (0.968, 1000)])
def test_easy_examples_count_as_much_less_as_in_the_paper(p, factor):
    # Lin et al., section 3.2: with gamma = 2, 100 times less at 0.9, 1000 times at 0.968.
    focal = values([[1.0]], [[p]], alpha=None, gamma=2.0)
    plain = values([[1.0]], [[p]], alpha=None, gamma=0.0)
    assert plain / focal == pytest.approx(factor, rel=0.03)  # 0.968 is rounded


def test_without_focus_and_weights_it_is_binary_crossentropy():
    p = references.sigmoid(LOGITS)
    entropy = -LABELS * np.log(p) - (1 - LABELS) * np.log(1 - p)
    for none in (None, 0, 0.0):
        found = values(LABELS, LOGITS, alpha=none, gamma=none, from_logits=True)
        np.testing.assert_allclose(found, entropy.sum(-1), rtol=1e-6)


@pytest.mark.parametrize("label", [LABELS, SOFT_LABELS], ids=["hard", "soft"])
@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_values_and_gradients_equal_the_reference(label, gamma):
    found = values(label, LOGITS, alpha=0.4, gamma=gamma, from_logits=True)
    np.testing.assert_allclose(found, reference(label, LOGITS, 0.4, gamma), rtol=2e-6)
    slopes = gradients(
        lambda logits: ops.sum(
            sigmoid_focal_crossentropy(tensor(label), logits, 0.4, gamma, from_logits=True)
        ),
        (LOGITS,),
    )
    expected = finite_differences(lambda z: reference(label, z, 0.4, gamma).sum(), (LOGITS,))
    np.testing.assert_allclose(slopes[0], expected[0], rtol=2e-5, atol=2e-6)


def test_probabilities_give_what_their_logits_give():
    np.testing.assert_allclose(
        values(LABELS, references.sigmoid(LOGITS)),
        values(LABELS, LOGITS, from_logits=True),
        rtol=5e-6,  # the epsilon of Keras, 1e-7, in probabilities from 0.05 up
    )


@pytest.mark.parametrize("gamma", [0.0, 0.25, 1.0, 2.0, 8.0])
@pytest.mark.parametrize("label", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("from_logits", [True, False])
def test_saturated_outputs_have_finite_values_and_gradients(gamma, label, from_logits):
    outputs = [-1e4, -200.0, -90.0, 90.0, 200.0, 1e4] if from_logits else [0.0, 1e-30, 1.0]
    outputs = np.array([outputs])
    labels = tensor(np.full_like(outputs, label))

    def loss(output):
        return ops.sum(
            sigmoid_focal_crossentropy(labels, output, gamma=gamma, from_logits=from_logits)
        )

    assert np.isfinite(float(loss(tensor(outputs))))
    assert np.isfinite(gradients(loss, (outputs,))[0]).all()


def test_far_logits_keep_their_digits():
    # -log(sigmoid(-50)) = 50, to the last digit; 0.25 of it for the label 1.
    assert values([[1.0]], [[-50.0]], from_logits=True) == pytest.approx(12.5, rel=1e-6)
    # (1 - p)^2 (-log p) = q^3 for small q = sigmoid(-9) = exp(-9) / (1 + exp(-9)).
    q = np.exp(-9.0) / (1 + np.exp(-9.0))
    expected = 0.25 * q**2 * -np.log1p(-q)
    assert values([[1.0]], [[9.0]], from_logits=True) == pytest.approx(expected, rel=2e-6)


def test_weights_and_focus_may_be_tensors_by_class():
    alpha, gamma = np.array([0.1, 0.25, 0.5, 0.9]), np.array([0.0, 1.0, 2.0, 3.0])
    found = values(LABELS, LOGITS, alpha=tensor(alpha), gamma=tensor(gamma), from_logits=True)
    np.testing.assert_allclose(found, reference(LABELS, LOGITS, alpha, gamma), rtol=2e-6)


def test_half_precision_is_computed_in_float32():
    found = sigmoid_focal_crossentropy(
        ops.cast(tensor([[1.0]]), "float16"), ops.cast(tensor([[0.0]]), "float16")
    )
    assert "float16" in str(found.dtype)
    # -log(2e-7) * 0.25: twice Keras's epsilon, which float16 would round to 2.4e-7.
    assert float(found[0]) == pytest.approx(0.25 * -np.log(2e-7), rel=2**-11)


def test_an_object_gives_one_value_a_sample_by_default():
    found = SigmoidFocalCrossEntropy(from_logits=True)(LABELS, LOGITS)
    np.testing.assert_allclose(ops.convert_to_numpy(found), reference(LABELS, LOGITS), rtol=2e-6)


def test_an_object_aligns_columns():
    label, output = np.array([1.0, 0.0]), np.array([[0.5], [0.5]])
    found = ops.convert_to_numpy(SigmoidFocalCrossEntropy()(label, output))
    np.testing.assert_allclose(found, np.array([0.25, 0.75]) * 0.25 * np.log(2), rtol=1e-6)


def test_rows_with_a_missing_label_are_left_out_of_a_term():
    label = LABELS.astype("float32")
    label[0, 1] = np.nan
    label[3] = np.nan
    term = kml.LossTerm(SigmoidFocalCrossEntropy(from_logits=True), "y", mask="nan")
    found = float(kml.WeightedSumLoss([term])({"y": label}, {"y": LOGITS.astype("float32")}))
    there = [1, 2, 4, 5]
    assert found == pytest.approx(reference(LABELS[there], LOGITS[there]).mean(), rel=2e-6)


def test_numbers_in_tensors_become_numbers_of_the_config():
    config = SigmoidFocalCrossEntropy(alpha=tensor(0.5), gamma=np.float32(1.5)).get_config()
    assert (config["alpha"], config["gamma"]) == (0.5, 1.5)
    assert SigmoidFocalCrossEntropy(alpha=None).get_config()["alpha"] is None


@pytest.mark.parametrize(
    ("where", "call"),
    [
        ("SigmoidFocalCrossEntropy", lambda gamma: SigmoidFocalCrossEntropy(gamma=gamma)),
        ("sigmoid_focal_crossentropy", lambda gamma: values(LABELS, LOGITS, gamma=gamma)),
    ],
    ids=["class", "function"],
)
def test_a_negative_focus_is_refused(where, call):
    message = exactly(
        f"{where}: `gamma` must be 0 or more.",
        "  Expected: a number of at least 0",
        "  Received: -1.0",
    )
    with pytest.raises(ValueError, match=message):
        call(-1.0)


def test_from_logits_is_a_truth_value():
    with pytest.raises(TypeError, match="`from_logits` must be True or False"):
        SigmoidFocalCrossEntropy(from_logits=0.25)
