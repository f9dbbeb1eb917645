"""The rules in float64 from the gradients themselves, by the active set method of SciPy.

No rule here forms the Gramian, which has half the digits of the gradients. `nnls` finds
$w \\ge 0$ with the least $\\lVert A w - b \\rVert$ up to rounding.
"""

import numpy as np
from scipy.optimize import brentq, nnls


def lengths_of(jacobian):
    """The lengths of the gradients, 1 for those that are 0."""
    lengths = np.linalg.norm(jacobian, axis=1)
    return np.where(lengths > 0, lengths, 1.0)


def conflict_free(jacobian, gradient):
    """The vector nearest to a gradient that has no negative inner product with any row."""
    units = jacobian / lengths_of(jacobian)[:, None]
    return gradient + units.T @ nnls(units.T, -gradient)[0]


def mean(jacobian, preference=None):
    shares = np.ones(len(jacobian)) if preference is None else np.array(preference)
    return shares / shares.sum() @ jacobian


def upgrad(jacobian, preference=None):
    return mean([conflict_free(jacobian, gradient) for gradient in jacobian], preference)


def dual_proj(jacobian, preference=None):
    return conflict_free(jacobian, mean(jacobian, preference))


def mgda(jacobian):
    """The point of the hull of the rows nearest to 0.

    Of all $w \\ge 0$ with one sum the best is that of sum 1, scaled: any penalty on the sum
    finds its direction.
    """
    lengths = lengths_of(jacobian)
    units = jacobian / lengths[:, None]
    penalty = lengths.min() / lengths
    v = nnls(np.vstack([units.T, penalty]), np.append(np.zeros(jacobian.shape[1]), 1.0))[0]
    w = v / lengths
    return (w / w.sum()) @ jacobian


def cagrad(jacobian, c, preference=None):
    """For a price of distance from the mean, the best step adds the shortest vector of a hull.

    The greatest $\\min_i g_i^\\top d - \\lVert d - g_0 \\rVert^2 / 2 \\mu$ is at
    $d = \\mu h$, with $h$ the point nearest to 0 in the hull of all $g_i + g_0 / \\mu$.
    $d$ gets farther from $g_0$ as $\\mu$ grows. Where the ball is never reached, no step is
    good for all tasks, and the nearest one that is bad for none is the best.
    """
    start = mean(jacobian, preference)
    radius = c * np.linalg.norm(start)

    def step(log_mu):
        return np.exp(log_mu) * mgda(jacobian + start / np.exp(log_mu))

    def excess(log_mu):
        return np.linalg.norm(step(log_mu) - start) - radius

    if excess(20.0) < 0:
        return dual_proj(jacobian, preference)
    return step(brentq(excess, -20.0, 20.0, xtol=1e-15, rtol=1e-15))


def imbalance(gramian, weights, alpha):
    """By how much weights miss $(G / \\lVert G \\rVert_F)\\, w = w^{-1/\\alpha}$.

    A task's progress is a sum of positive and negative terms; this is in parts of their sizes.
    """
    size = np.linalg.norm(gramian)
    lengths = np.sqrt(np.diagonal(gramian))
    terms = lengths * (lengths @ weights) / size
    return (np.abs(gramian @ weights / size - weights ** (-1 / alpha)) / terms).max()
