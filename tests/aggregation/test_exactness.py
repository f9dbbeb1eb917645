"""The rules to 1e-6 against references that see the gradients themselves."""

import functools

import numpy as np
import pytest

from keras_multiloss import aggregation as ka
from keras_multiloss.aggregation import _complementarity, _equilibrium
from keras_multiloss.aggregation._geometry import Geometry
from tests.aggregation import references
from tests.aggregation.compiled import combined, in_float64, weights
from tests.aggregation.jacobians import (
    DEGENERATE,
    WELL_POSED,
    nearly_opposite,
    random,
    rounded,
    spread,
    stationary,
)

#: Part of the largest entry: float32 weights and sums, each exact to 6e-8, of up to 16 terms.
TOLERANCE = 1e-6

#: J = [[-4, 1, 1], [6, 1, 1]] has G = [[18, -22], [-22, 38]].
EXAMPLE = np.array([[-4.0, 1.0, 1.0], [6.0, 1.0, 1.0]])

RULES = {
    "upgrad": (ka.UPGrad(), references.upgrad),
    "dualproj": (ka.DualProj(), references.dual_proj),
    "mgda": (ka.MGDA(), references.mgda),
    "cagrad": (ka.CAGrad(0.5), lambda x: references.cagrad(x, 0.5)),
    "cagrad beyond 0": (ka.CAGrad(1.5), lambda x: references.cagrad(x, 1.5)),
}
BARGAINS = {
    "nashmtl": (ka.NashMTL(), 1.0),
    "fairgrad 2": (ka.FairGrad(2.0), 2.0),
    "fairgrad 0.5": (ka.FairGrad(0.5), 0.5),
}
#: By alpha, one object each, compiled once.
BARGAIN = {
    alpha: functools.partial(_equilibrium.solve_equilibrium, alpha=alpha)
    for alpha in (0.2, 1.0, 10.0)
}
every_rule = pytest.mark.parametrize("name", RULES)
every_bargain = pytest.mark.parametrize("name", BARGAINS)

#: Each is compiled by itself, which takes JAX a second or two; few lanes have the time.
OTHERS = [pytest.param(n, marks=pytest.mark.slow) for n in range(2, 16)]
each_number = pytest.mark.parametrize("n_tasks", [16, *OTHERS])


def assert_near(found, expected, jacobian, tolerance=TOLERANCE):
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(jacobian).max())


@pytest.mark.parametrize("kind", WELL_POSED)
@each_number
@every_rule
@pytest.mark.sample(6)
def test_a_combination_is_exact(name, n_tasks, kind):
    rule, reference = RULES[name]
    jacobian = WELL_POSED[kind](n_tasks)
    assert_near(combined(rule, jacobian), reference(jacobian), jacobian)


@pytest.mark.parametrize("kind", DEGENERATE)
@every_rule
def test_a_combination_is_exact_where_little_can_be_gained(name, kind):
    rule, reference = RULES[name]
    jacobian = DEGENERATE[kind](16)
    assert_near(combined(rule, jacobian), reference(jacobian), jacobian)


@pytest.mark.parametrize("name", ["cagrad", "upgrad", "dualproj"])
def test_gradients_that_cancel_in_few_dimensions_give_no_long_step(name):
    rule, reference = RULES[name]
    jacobian = rounded(np.pad(random(16, n_parameters=5), [(0, 0), (0, 15)]))
    assert_near(combined(rule, jacobian), reference(jacobian), jacobian)


@pytest.mark.parametrize("name", ["upgrad", "dualproj"])
def test_a_combination_with_priorities_is_exact(name):
    rule, preference = type(RULES[name][0]), [3.0, 1.0, 0.5]
    expected = RULES[name][1](random(3), preference)
    assert_near(combined(rule(preference), random(3)), expected, random(3))


def test_cagrad_with_priorities_is_exact():
    preference = [3.0, 1.0, 0.5]
    expected = references.cagrad(random(3), 0.5, preference)
    assert_near(combined(ka.CAGrad(0.5, preference), random(3)), expected, random(3))


@pytest.mark.parametrize("kind", WELL_POSED)
@each_number
@every_bargain
def test_a_bargain_is_exact(name, n_tasks, kind):
    rule, alpha = BARGAINS[name]
    jacobian = WELL_POSED[kind](n_tasks)
    found = weights(rule, jacobian)
    assert references.imbalance(jacobian @ jacobian.T, found, alpha) < TOLERANCE


# With cosine -0.99995 the two have 5e-5 in common, which products of float32, exact to 6e-8 of
# themselves, know to 1e-3.
@pytest.mark.parametrize(
    ("name", "tolerance"),
    [("upgrad", 1e-6), ("dualproj", 1e-6), ("mgda", 1e-6), ("cagrad", 1e-4)],
)
def test_nearly_opposite_gradients_cost_digits(name, tolerance):
    rule, reference = RULES[name]
    jacobian = nearly_opposite()
    assert_near(combined(rule, jacobian), reference(jacobian), jacobian, tolerance)


# For UPGrad, TorchJD's documentation has [0.2929, 1.9004, 1.9004], as it adds 1e-4 to the Gramian.
@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        # The first gradient becomes (1, 22/38) J, the second one (22/18, 1) J.
        (ka.UPGrad(), np.array([20 / 18, 30 / 38]) @ EXAMPLE),
        # The mean, [1, 1, 1], conflicts with the first gradient only.
        (ka.DualProj(), np.array([11 / 18, 1 / 2]) @ EXAMPLE),
        # w = (0.6, 0.4) leaves what both have in common.
        (ka.MGDA(), np.array([0.0, 1.0, 1.0])),
        # [1, 1, 1] and half its length towards the first gradient, the slowest all the way.
        (ka.CAGrad(0.5), 1 + 0.5 * np.sqrt(3 / 18) * EXAMPLE[0]),
        (ka.Mean(), np.array([1.0, 1.0, 1.0])),
        (ka.Sum(), np.array([2.0, 2.0, 2.0])),
        (ka.Constant([2.0, 1.0]), np.array([-2.0, 3.0, 3.0])),
    ],
    ids=["upgrad", "dualproj", "mgda", "cagrad", "mean", "sum", "constant"],
)
def test_two_tasks_by_hand(rule, expected):
    assert_near(combined(rule, EXAMPLE), expected, EXAMPLE)


def test_orthogonal_gradients_bargain_by_hand():
    """G = diag(n^2) has w_i = (|G| / n_i^2)^(alpha / (1 + alpha))."""
    lengths = np.array([1.0, 2.0, 4.0])
    jacobian = np.diag(lengths)
    size = np.linalg.norm(lengths**2)
    for rule, alpha in BARGAINS.values():
        expected = (size / lengths**2) ** (alpha / (1 + alpha))
        np.testing.assert_allclose(weights(rule, jacobian), expected, rtol=TOLERANCE)


@pytest.mark.parametrize("kind", WELL_POSED | DEGENERATE)
def test_a_quadratic_program_meets_its_conditions(kind):
    jacobian = (WELL_POSED | DEGENERATE)[kind](16)
    units = jacobian / references.lengths_of(jacobian)[:, None]
    offsets = np.random.default_rng(0).normal(size=(4, units.shape[1])) @ units.T
    w = in_float64(_complementarity.solve_complementarity, units @ units.T, offsets)
    slack = w @ units @ units.T + offsets
    assert (w >= 0).all()
    # Violations up to 1e-9 end the search, and a ridge of 1e-11 is added.
    size = 1 + w.max() + np.abs(offsets).max()
    assert slack.min() > -1e-8 * size
    assert np.abs(w * slack).max() < 1e-8 * size**2


@pytest.mark.parametrize("alpha", [0.2, 1.0, 10.0])
@pytest.mark.parametrize("kind", [*WELL_POSED, "nearly opposite"])
@pytest.mark.sample(5)
def test_newtons_method_ends_at_the_equilibrium(kind, alpha):
    jacobian = np.vstack([nearly_opposite()] * 5 + [random(1)])
    jacobian = WELL_POSED[kind](16) if kind in WELL_POSED else jacobian
    gramian = jacobian @ jacobian.T
    w = in_float64(BARGAIN[alpha], gramian)
    # Eigenvalues of the cosines below 16 * 1.2e-7 are taken for rounding.
    assert references.imbalance(gramian, w, alpha) < 2e-6


def test_a_gramian_is_taken_apart_and_put_together():
    jacobian = spread(5)
    jacobian[2] = 0
    gramian = jacobian @ jacobian.T
    norms, cosines, is_zero = in_float64(Geometry.of, gramian)
    np.testing.assert_array_equal(is_zero, [False, False, True, False, False])
    assert norms[2] == 1
    # Eigenvalues below 5 * 1.2e-7 are taken for rounding.
    np.testing.assert_allclose(cosines * np.outer(norms, norms), gramian, rtol=0, atol=1e-6)


def test_the_references_keep_their_own_conditions():
    """They are judged by what defines them, not by how they are found."""
    for jacobian in (random(8), spread(8), stationary(4)):
        shortest = references.mgda(jacobian)
        assert (jacobian @ shortest).min() > shortest @ shortest - 1e-12
        for gradient in jacobian:
            projected = references.conflict_free(jacobian, gradient)
            assert (jacobian @ projected).min() > -1e-12
            assert abs(projected @ (projected - gradient)) < 1e-12
