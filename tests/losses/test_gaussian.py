"""`KLDivergenceToNormal`: against the integral that defines it, and near zero."""

import numpy as np
import pytest

from keras_multiloss._platform import ops
from keras_multiloss.losses import KLDivergenceToNormal
from tests.losses.messages import exactly


def divergence(mean, log_variance, **arguments):
    pair = tuple(ops.convert_to_tensor(np.array(x, "float32")) for x in (mean, log_variance))
    return ops.convert_to_numpy(KLDivergenceToNormal(**arguments).call(None, pair))


def log_normal(z, mean, log_variance):
    return -0.5 * (np.log(2 * np.pi) + log_variance + (z - mean) ** 2 / np.exp(log_variance))


def test_the_standard_normal_distribution_diverges_by_zero():
    assert divergence([[0.0, 0.0]], [[0.0, 0.0]]) == [0.0]


@pytest.mark.parametrize(("mean", "log_variance"), [(0.0, 1.0), (1.5, -2.0), (-3.0, 0.5)])
def test_it_is_the_integral_of_the_log_ratio_of_densities(mean, log_variance):
    z = np.linspace(-30, 30, 200_001)
    log_q = log_normal(z, mean, log_variance)
    integral = np.sum(np.exp(log_q) * (log_q - log_normal(z, 0, 0))) * (z[1] - z[0])
    assert divergence([[mean]], [[log_variance]]) == pytest.approx(integral, rel=1e-6)


def test_small_divergences_keep_their_digits():
    # s^2 / 4 for small s; `exp(s) - 1 - s` in float32 would give 0 or twice as much.
    # `expm1(s) - s` keeps 8e-12 (the spacing at 1e-4) of 5e-9, that is 2e-3.
    assert divergence([[0.0]], [[1e-4]]) == pytest.approx(2.5e-9, rel=2e-3)


def test_it_sums_over_the_latent_axes():
    mean = np.ones((2, 3, 4))
    assert divergence(mean, 0 * mean).tolist() == [[2.0] * 3] * 2
    assert divergence(mean, 0 * mean, axis=(1, 2)).tolist() == [6.0] * 2


def test_outputs_of_different_shapes_are_refused():
    message = exactly(
        "KLDivergenceToNormal: its outputs differ in shape.",
        "  Expected: outputs of one shape, (2, 3)",
        "  Received: shape (2, 1)",
    )
    with pytest.raises(ValueError, match=message):
        divergence(np.ones((2, 3)), np.ones((2, 1)))


def test_three_outputs_are_refused():
    message = exactly(
        "KLDivergenceToNormal: it needs 2 outputs.",
        "  Expected: the outputs (mean, log_variance), in this order",
        "  Received: 3 in a tuple",
        "  Hint: name them in a term: LossTerm(KLDivergenceToNormal(), "
        "['mean', 'log_variance'], ...)",
    )
    with pytest.raises(ValueError, match=message):
        KLDivergenceToNormal()(None, (np.ones((2, 3)),) * 3)
