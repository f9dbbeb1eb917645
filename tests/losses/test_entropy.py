"""`EntropyPenalty`: as SciPy computes it, its range, and the way its gradient goes."""

import numpy as np
import pytest
import scipy.stats

import keras_multiloss as kml
from keras_multiloss._platform import ops
from keras_multiloss.losses import EntropyPenalty
from tests.losses.gradients import gradients
from tests.losses.messages import exactly

RNG = np.random.default_rng(21)
LOGITS = RNG.normal(size=(6, 4)).astype("float32")
P = scipy.special.softmax(LOGITS, axis=-1)


def values(output, **arguments):
    return ops.convert_to_numpy(
        EntropyPenalty(**arguments).call(None, ops.convert_to_tensor(np.float32(output)))
    )


def test_it_is_the_entropy_of_scipy():
    expected = scipy.stats.entropy(P, axis=-1)
    np.testing.assert_allclose(values(P), expected, rtol=2e-6)  # sums of 4 numbers in float32
    np.testing.assert_allclose(values(LOGITS, from_logits=True), expected, rtol=2e-6)


def test_it_lies_between_certainty_and_equal_chances():
    assert values([[0.0, 1.0, 0.0], [1 / 3, 1 / 3, 1 / 3]]) == pytest.approx([0.0, np.log(3)])


def test_a_step_down_makes_logits_more_certain_and_a_negative_weight_less():
    (gradient,) = gradients(
        lambda x: ops.sum(EntropyPenalty(from_logits=True).call(None, x)), (LOGITS,)
    )
    before = values(LOGITS, from_logits=True)
    assert (values(LOGITS - 0.1 * gradient, from_logits=True) < before).all()
    assert (values(LOGITS + 0.1 * gradient, from_logits=True) > before).all()


def test_a_confidence_penalty_is_a_term_of_negative_weight():
    term = kml.LossTerm(EntropyPenalty(), "species", labels=None, weight=-0.1)
    found = kml.WeightedSumLoss([term])({}, {"species": P.astype("float32")})
    assert float(found) == pytest.approx(-0.1 * values(P).mean(), rel=1e-6)


def test_a_single_probability_is_refused():
    message = exactly(
        "EntropyPenalty: its outputs are not distributions over the last axis.",
        "  Expected: two or more classes in the last axis",
        "  Received: outputs of shape (1, 1)",
        "  Hint: give both classes, 1 - p and p",
    )
    with pytest.raises(ValueError, match=message):
        values([[0.5]])


def test_a_label_is_refused():
    with pytest.raises(ValueError, match=r"\AEntropyPenalty: it takes no label"):
        EntropyPenalty()(np.zeros(6), P)
