"""`MixtureDensityNLL`: one component, far components, shapes."""

import numpy as np
import pytest

from keras_multiloss.losses import GaussianNLL, MixtureDensityNLL
from tests.losses.gradients import gradients
from tests.losses.messages import exactly

RNG = np.random.default_rng(9)


def numbers(*shape):
    return RNG.normal(size=shape).astype("float32")


def test_one_component_is_a_normal_distribution():
    label, mean, log_variance = numbers(4, 2), numbers(4, 2), numbers(4, 2)
    one = (numbers(4, 1), mean[:, None], log_variance[:, None])
    mixture = float(MixtureDensityNLL()(label, one))
    # The mean over two entries, and their sum.
    normal = 2 * float(GaussianNLL()(label, (mean, log_variance)))
    assert mixture == pytest.approx(normal, rel=1e-5)


def test_a_component_without_a_share_does_not_count():
    label, shares = np.array([0.0, 0.0]), np.array([[0.0, -1e9], [0.0, -1e9]])
    mean = np.array([[1.0, 0.0], [1.0, 5.0]])
    assert float(MixtureDensityNLL()(label, (shares, mean, 0 * mean))) == pytest.approx(0.5)


def test_the_order_of_components_is_irrelevant():
    label, outputs = numbers(4, 2), (numbers(4, 3), numbers(4, 3, 2), numbers(4, 3, 1))
    shuffled = tuple(output[:, [2, 0, 1]] for output in outputs)
    loss = MixtureDensityNLL()
    assert float(loss(label, outputs)) == pytest.approx(float(loss(label, shuffled)), rel=1e-6)


@pytest.mark.parametrize("distance", [0.0, 1e3, 1e5])
@pytest.mark.parametrize("spread", [0.01, 1.0], ids=["alike", "unlike"])
def test_gradients_are_shared_rightly_however_far_the_label(distance, spread):
    """Log-densities of 5e5 have no digits left for differences of 1."""
    rng = np.random.default_rng(3)
    label = (rng.normal(size=(8, 2)) + distance).astype("float32")
    outputs = [rng.normal(size=shape).astype("float32") for shape in ((8, 3), (8, 3, 2))]
    outputs.append((spread * rng.normal(size=(8, 3, 2))).astype("float32"))

    def total(*outputs):
        return 8.0 * MixtureDensityNLL()(label, outputs)

    for found, expected in zip(
        gradients(total, tuple(outputs)), _gradients_in_float64(label, *outputs), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max())


def _gradients_in_float64(label, logits, mean, log_variance):
    """By the responsibilities of the components, which are those of Bishop's equation."""
    label, logits, mean, log_variance = (
        array.astype("float64") for array in (label[:, None], logits, mean, log_variance)
    )
    distance, precision = label - mean, np.exp(-log_variance)
    prior = np.exp(logits - logits.max(1, keepdims=True))
    prior /= prior.sum(1, keepdims=True)
    log_joint = np.log(prior) - 0.5 * (log_variance + distance**2 * precision).sum(-1)
    share = np.exp(log_joint - log_joint.max(1, keepdims=True))
    share /= share.sum(1, keepdims=True)
    of_mean = -share[..., None] * distance * precision
    of_log_variance = share[..., None] * 0.5 * (1.0 - distance**2 * precision)
    return prior - share, of_mean, of_log_variance


def test_a_component_of_another_scale_has_finite_gradients():
    outputs = (np.zeros((1, 2)), np.array([[0.0, 0.0]]), np.array([[200.0, -30.0]]))
    for label in (0.0, 1e6):
        found = gradients(lambda *o, y=label: MixtureDensityNLL()(np.array([y]), o), outputs)
        assert all(np.isfinite(gradient).all() for gradient in found)


def test_shapes_that_do_not_fit_are_refused():
    message = exactly(
        "MixtureDensityNLL: its outputs and the label do not fit.",
        "  Expected: logits (batch, K), mean and log_variance (batch, K, n), a label (batch, n)",
        "  Received: logits (4, 3), mean (4, 2, 2), log_variance (4, 3, 2), a label (4, 2)",
        "  Hint: keras.layers.Reshape((K, n)) after the layer that makes K * n numbers",
    )
    with pytest.raises(ValueError, match=message):
        MixtureDensityNLL()(numbers(4, 2), (numbers(4, 3), numbers(4, 2, 2), numbers(4, 3, 2)))
