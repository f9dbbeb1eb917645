"""The rules to 1e-6 against references that see the gradients themselves."""

import numpy as np
import pytest

from keras_multiloss import aggregation as ka
from keras_multiloss._backends import double_precision
from keras_multiloss._keras import ops
from keras_multiloss.aggregation import _complementarity, _equilibrium
from keras_multiloss.aggregation._geometry import Geometry
from tests.aggregation import references
from tests.aggregation.compiled import combined, weights
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
every_rule = pytest.mark.parametrize("name", RULES)
every_bargain = pytest.mark.parametrize("name", BARGAINS)

#: The lanes compile each rule for few numbers of tasks; `make test-slow` does for the others.
NUMBERS_OF_TASKS = [3, 16, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 16) if n != 3)]
each_number = pytest.mark.parametrize("n_tasks", NUMBERS_OF_TASKS)


def assert_near(found, expected, jacobian, tolerance=TOLERANCE):
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(jacobian).max())


@pytest.mark.parametrize("kind", WELL_POSED)
@each_number
@every_rule
def test_a_combination_is_exact(name, n_tasks, kind):
    rule, reference = RULES[name]
    jacobian = WELL_POSED[kind](n_tasks)
    assert_near(combined(rule, jacobian), reference(jacobian), jacobian)


@pytest.mark.parametrize("kind", DEGENERATE)
@pytest.mark.parametrize("n_tasks", [3, 16])
@every_rule
def test_a_combination_is_exact_where_little_can_be_gained(name, n_tasks, kind):
    rule, reference = RULES[name]
    jacobian = DEGENERATE[kind](n_tasks)
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
    """Progress is a difference of products, of which float32 keeps some digits less."""
    rule, alpha = BARGAINS[name]
    jacobian = WELL_POSED[kind](n_tasks)
    found = weights(rule, jacobian)
    assert references.imbalance(jacobian, found, alpha) < 1e-5


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


@every_bargain
def test_a_bargain_of_nearly_opposite_gradients_has_three_digits(name):
    rule, alpha = BARGAINS[name]
    found = weights(rule, nearly_opposite())
    assert references.imbalance(nearly_opposite(), found, alpha) < 5e-3


# By hand: the first gradient is projected to v = (1, 22/38), the second one to v = (22/18, 1);
# their mean u = (1/2, 1/2) to (1/2, 1/2) G v = ... see each line.
@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        # w = ((1 + 22/18) / 2, (22/38 + 1) / 2)
        (ka.UPGrad(), np.array([20 / 18, 30 / 38]) @ EXAMPLE),
        # w = (1/2 * 22/18, 1/2): the mean (1, 1, 1) conflicts with the first gradient only
        (ka.DualProj(), np.array([11 / 18, 1 / 2]) @ EXAMPLE),
        # w = (0.6, 0.4) leaves what both have in common
        (ka.MGDA(), np.array([0.0, 1.0, 1.0])),
        (ka.Mean(), np.array([1.0, 1.0, 1.0])),
        (ka.Sum(), np.array([2.0, 2.0, 2.0])),
        (ka.Constant([2.0, 1.0]), np.array([-2.0, 3.0, 3.0])),
    ],
    ids=["upgrad", "dualproj", "mgda", "mean", "sum", "constant"],
)
def test_two_tasks_by_hand(rule, expected):
    assert_near(combined(rule, EXAMPLE), expected, EXAMPLE)


@pytest.mark.parametrize("n_tasks", [1, 2, 5])
def test_orthogonal_gradients_bargain_by_hand(n_tasks):
    """G = diag(n^2) has w_i = (|G| / n_i^2)^(alpha / (1 + alpha))."""
    lengths = 2.0 ** np.arange(n_tasks)
    jacobian = np.diag(lengths)
    size = np.linalg.norm(lengths**2)
    for rule, alpha in BARGAINS.values():
        expected = (size / lengths**2) ** (alpha / (1 + alpha))
        np.testing.assert_allclose(weights(rule, jacobian), expected, rtol=TOLERANCE)


def in_float64(function, *arrays):
    with double_precision():
        tensors = [ops.cast(ops.convert_to_tensor(x), "float64") for x in arrays]
        return np.asarray(ops.convert_to_numpy(function(*tensors)))


@pytest.mark.parametrize("n_tasks", [1, 3, 16])
@pytest.mark.parametrize("kind", WELL_POSED | DEGENERATE)
def test_a_quadratic_program_meets_its_conditions(kind, n_tasks):
    units = (WELL_POSED | DEGENERATE)[kind](max(n_tasks, 2))[:n_tasks]
    units = units / references.lengths_of(units)[:, None]
    offsets = np.random.default_rng(n_tasks).normal(size=(4, units.shape[1])) @ units.T
    w = in_float64(_complementarity.solve, units @ units.T, offsets)
    slack = w @ units @ units.T + offsets
    assert (w >= 0).all()
    # Violations up to 1e-9 end the search, and a ridge of 1e-11 is added.
    size = 1 + w.max() + np.abs(offsets).max()
    assert slack.min() > -1e-8 * size
    assert np.abs(w * slack).max() < 1e-8 * size**2


@pytest.mark.parametrize("alpha", [0.2, 0.5, 1.0, 2.0, 10.0])
@pytest.mark.parametrize("jacobian", [random(16), spread(16), spread(4)], ids=["16", "wide", "4"])
def test_newtons_method_ends_at_the_equilibrium(jacobian, alpha):
    gramian = jacobian @ jacobian.T
    w = in_float64(lambda x: _equilibrium.solve(x, alpha), gramian)
    progress = gramian @ w / np.linalg.norm(gramian)
    # A ridge of 1e-9 is added, relative to which progress may be small.
    np.testing.assert_allclose(progress * w ** (1 / alpha), 1.0, atol=1e-5)


def test_a_gramian_is_taken_apart_and_put_together():
    jacobian = spread(5)
    jacobian[2] = 0
    gramian = jacobian @ jacobian.T
    norms, cosines, is_zero = (in_float64(lambda x, i=i: Geometry.of(x)[i], gramian) for i in range(3))
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
