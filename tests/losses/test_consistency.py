"""`ConsistencyLoss`: laws of disagreement, and what it refuses."""

import numpy as np
import pytest

from keras_multiloss._platform import ops
from keras_multiloss.losses import ConsistencyLoss
from tests.losses.gradients import gradients
from tests.losses.messages import exactly

DIVERGENCES = ["mse", "cosine", "kl", "jensen_shannon"]
every_divergence = pytest.mark.parametrize("divergence", DIVERGENCES)


def disagreement(divergence, *outputs, **arguments):
    outputs = tuple(ops.convert_to_tensor(np.array(out, "float32")) for out in outputs)
    return ops.convert_to_numpy(ConsistencyLoss(divergence, **arguments).call(None, outputs))


def distributions(n_outputs):
    rng = np.random.default_rng(4)
    return rng.dirichlet(np.ones(5), size=(n_outputs, 3))


@every_divergence
def test_equal_outputs_agree(divergence):
    output = distributions(1)[0]
    # Squares and logarithms of numbers below 1, rounded to float32.
    assert disagreement(divergence, output, output, output) == pytest.approx(0.0, abs=3e-7)


@every_divergence
def test_the_order_of_the_outputs_is_irrelevant(divergence):
    outputs = distributions(3)
    np.testing.assert_allclose(
        disagreement(divergence, *outputs),
        disagreement(divergence, *outputs[::-1]),
        rtol=2e-6,  # other roundings of the same sums
    )


@every_divergence
def test_different_outputs_disagree(divergence):
    assert (disagreement(divergence, *distributions(2)) > 0).all()


def test_squared_disagreement_of_two_probabilities():
    assert disagreement("mse", [[0.75]], [[0.25]]) == [0.25]


def test_jensen_shannon_is_at_most_the_log_of_the_number_of_outputs():
    # Reached by distributions without a class in common; 1e-7 stands for a zero.
    assert disagreement("jensen_shannon", *np.eye(3)[:, None]) == pytest.approx(np.log(3), rel=1e-5)


def test_the_length_of_vectors_does_not_matter_to_the_cosine():
    a, b = distributions(2)
    np.testing.assert_allclose(
        disagreement("cosine", a, b), disagreement("cosine", 3 * a, 0.1 * b), rtol=1e-5
    )


def test_the_cosine_with_a_zero_vector_is_zero_with_a_finite_gradient():
    outputs = (np.zeros((1, 3)), np.ones((1, 3)))
    assert disagreement("cosine", *outputs) == [1.0]
    found = gradients(lambda a, b: ops.sum(ConsistencyLoss("cosine").call(None, (a, b))), outputs)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("divergence", ["kl", "jensen_shannon"])
def test_logits_and_their_probabilities_disagree_alike(divergence):
    p = distributions(2)
    np.testing.assert_allclose(
        disagreement(divergence, *p),
        disagreement(divergence, *np.log(p), from_logits=True),
        rtol=1e-5,  # differences of logarithms, of which up to 5 stand for 1e-7 exactly
    )


def test_an_unknown_divergence_is_refused_with_the_nearest_one():
    message = exactly(
        "ConsistencyLoss: `divergence` is not one of its choices.",
        "  Expected: one of ['mse', 'cosine', 'kl', 'jensen_shannon']",
        "  Received: 'jensen-shannon'",
        "  Hint: did you mean 'jensen_shannon'?",
    )
    with pytest.raises(ValueError, match=message):
        ConsistencyLoss("jensen-shannon")


def test_logits_are_refused_where_they_mean_nothing():
    message = exactly(
        "ConsistencyLoss: `from_logits` does not apply to this divergence.",
        "  Expected: from_logits=False, or a divergence of ['kl', 'jensen_shannon']",
        "  Received: 'mse'",
    )
    with pytest.raises(ValueError, match=message):
        ConsistencyLoss("mse", from_logits=True)


def test_distributions_over_one_class_are_refused():
    message = exactly(
        "ConsistencyLoss: its outputs are not distributions over the last axis.",
        "  Expected: two or more classes in the last axis",
        "  Received: outputs of shape (1, 1)",
        "  Hint: use 'mse' for single probabilities",
    )
    with pytest.raises(ValueError, match=message):
        disagreement("kl", [[0.5]], [[0.1]])
