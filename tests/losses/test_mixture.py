"""`MixtureDensityNLL`: one component, far components, shapes."""

import numpy as np
import pytest

from keras_multiloss.losses import GaussianNLL, MixtureDensityNLL
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


def test_shapes_that_do_not_fit_are_refused():
    message = exactly(
        "MixtureDensityNLL: its outputs and the label do not fit.",
        "  Expected: logits (batch, K), mean and log_variance (batch, K, n), a label (batch, n)",
        "  Received: logits (4, 3), mean (4, 2, 2), log_variance (4, 3, 2), a label (4, 2)",
        "  Hint: keras.layers.Reshape((K, n)) after the layer that makes K * n numbers",
    )
    with pytest.raises(ValueError, match=message):
        MixtureDensityNLL()(numbers(4, 2), (numbers(4, 3), numbers(4, 2, 2), numbers(4, 3, 2)))
