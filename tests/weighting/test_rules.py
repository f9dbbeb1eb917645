"""Each rule against its reference over sixty steps, and the laws it promises."""

import json

import numpy as np
import pytest

from keras_multiloss import weighting as kw
from keras_multiloss._platform import keras, ops, uniform
from keras_multiloss.weighting._weightings_by_name import NAMES as RULE_NAMES
from tests.losses.gradients import gradients
from tests.weighting import references
from tests.weighting.runs import N_STEPS, NAMES, falling_losses, initial_state, run, run_reference

LOSSES = falling_losses()
RAMP = keras.optimizers.schedules.PolynomialDecay(0.0, 40, 2.0)

#: Each rule with a reference told the same losses.
RULES = {
    "static": (kw.StaticWeighting(), references.Static),
    "geometric_mean": (kw.GeometricMeanWeighting(), references.GeometricMean),
    "dynamic_weight_average": (
        kw.DynamicWeightAverage(temperature=0.7),
        lambda: references.DynamicAverage(0.7),
    ),
    "smooth_tchebycheff": (
        kw.SmoothTchebycheffWeighting(mu=0.5, preferences={"b": 2.0}),
        lambda: references.SmoothTchebycheff(0.5, [1.0, 2.0, 1.0]),
    ),
    "famo": (
        kw.FamoWeighting(learning_rate=0.1, weight_decay=0.01),
        lambda: references.Famo(3, 0.1, 0.01),
    ),
    "soft_adapt": (
        kw.SoftAdaptWeighting(temperature=0.3),
        lambda: references.SoftAdapt(0.3, normalized=False, loss_weighted=False),
    ),
    "soft_adapt_normalized": (
        kw.SoftAdaptWeighting(normalized=True, loss_weighted=True),
        lambda: references.SoftAdapt(1.0, normalized=True, loss_weighted=True),
    ),
    "relobralo": (
        kw.RelobraloWeighting(alpha=0.8, keep_probability=0.6, seed=3),
        lambda: references.Relobralo(1.0, 0.8, _looks_back(0.6, seed=3)),
    ),
    "residual_norm": (
        kw.ResidualNormWeighting(alpha=1.5, learning_rate=0.02),
        lambda: references.ResidualNorm(3, 1.5, 0.02),
    ),
    "log_of_static": (
        kw.LogTransform("static"),
        lambda: references.OfLogarithms(references.Static()),
    ),
    "log_of_tchebycheff": (
        kw.LogTransform(kw.SmoothTchebycheffWeighting()),
        lambda: references.OfLogarithms(references.SmoothTchebycheff(1.0, [1.0] * 3)),
    ),
}
every_rule = pytest.mark.parametrize("name", RULES)

ALL = [
    *(rule for rule, _ in RULES.values()),
    kw.RandomLossWeighting(seed=3),
    kw.RandomLossWeighting("dirichlet", seed=3),
    kw.UncertaintyWeighting(classification=["b"], regularizer="log_one_plus_variance"),
    kw.ImpartialLossWeighting(),
    kw.ScheduledWeighting({"b": RAMP}),
]


def _looks_back(keep_probability, seed):
    for step in range(N_STEPS):
        yield (
            float(ops.convert_to_numpy(uniform((1,), seed=seed, step=step))[0]) >= keep_probability
        )


@every_rule
def test_sixty_steps_equal_the_reference(name):
    rule, reference = RULES[name]
    weights, penalties = run(rule, LOSSES)
    expected, expected_penalties = run_reference(reference(), LOSSES)
    # Sixty steps in float32, which keeps 6e-8 of each; Adam divides small numbers.
    np.testing.assert_allclose(weights, expected, rtol=2e-5, atol=1e-6)
    np.testing.assert_allclose(penalties, expected_penalties, rtol=2e-5, atol=1e-5)


@every_rule
def test_the_weights_move_unless_they_are_static(name):
    weights, _ = run(RULES[name][0], LOSSES)
    assert (np.ptp(weights) == 0) == (name == "static")


@every_rule
def test_the_order_of_the_terms_is_irrelevant(name):
    if name == "smooth_tchebycheff":
        order, names = [1, 2, 0], ["b", "c", "a"]  # it has preferences by name
    else:
        order, names = [2, 0, 1], NAMES
    weights, _ = run(RULES[name][0], LOSSES)
    moved, _ = run(RULES[name][0], LOSSES[:, order], names)
    np.testing.assert_allclose(moved, weights[:, order], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: type(rule).__name__)
def test_losses_of_zero_give_finite_weights(rule):
    losses = LOSSES[:20].copy()
    losses[5:10, 0] = 0.0
    weights, penalties = run(rule, losses)
    assert np.isfinite(weights).all()
    assert np.isfinite(penalties).all()


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: type(rule).__name__)
def test_the_config_survives_json(rule):
    config = json.loads(json.dumps(rule.get_config()))
    restored = type(rule).from_config(config)
    assert restored.get_config() == rule.get_config()
    np.testing.assert_array_equal(run(restored, LOSSES[:9])[0], run(rule, LOSSES[:9])[0])


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: type(rule).__name__)
def test_one_term_is_enough(rule):
    weights, penalties = run(rule, LOSSES[:9, :1], ["b"])  # which some rules name
    assert np.isfinite(weights).all()
    assert np.isfinite(penalties).all()


def test_every_public_rule_is_here():
    public = {getattr(kw, name) for name in kw.__all__} - {kw.StateVariable, kw.Weighting, kw.get}
    assert {type(rule) for rule in ALL} == public


@pytest.mark.parametrize("name", RULE_NAMES.by_name)
def test_a_name_stands_for_a_rule_with_its_defaults(name):
    rule = kw.get(name)
    assert type(rule) is RULE_NAMES.by_name[name]
    assert run(rule, LOSSES[:3])[0].shape == (3, 3)


def test_the_geometric_mean_is_the_weighted_sum():
    weights, _ = run(kw.GeometricMeanWeighting(), LOSSES)
    np.testing.assert_allclose(
        (weights * LOSSES).sum(axis=1), np.prod(LOSSES, axis=1) ** (1 / 3), rtol=1e-5
    )


def test_famo_gives_weight_to_the_task_that_falls_least():
    falls = np.exp(-np.arange(200)[:, None] * np.array([0.05, 0.05, 0.0]))
    weights, _ = run(kw.FamoWeighting(), falls)
    shares = weights * falls / (weights * falls).sum(axis=1, keepdims=True)
    assert shares[-1, 2] > shares[0, 2]
    assert shares[-1, 0] == pytest.approx(shares[-1, 1], rel=1e-4)


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_residual_norm_brings_weighted_losses_to_their_targets(alpha):
    losses = np.tile([2e3, 0.5, 1e-2], (1500, 1))
    losses[1:] *= [0.5, 1.0, 0.5]
    weights, _ = run(kw.ResidualNormWeighting(alpha=alpha), losses)
    rates = np.array([0.75, 1.5, 0.75]) ** alpha
    sizes = weights[-1] * losses[-1] / rates
    # Each step changes a weight by 2.5%.
    np.testing.assert_allclose(sizes / sizes.mean(), np.ones(3), atol=0.1)
    assert weights[-1].sum() == pytest.approx(3.0, rel=1e-5)


def test_a_small_mu_gives_all_weight_to_the_largest_excess():
    rule = kw.SmoothTchebycheffWeighting(mu=1e-3)
    weights, _ = run(rule, np.array([[1.0, 1.0, 1.0], [1.5, 1.1, 1.2]]))
    np.testing.assert_allclose(weights[1], [1.0, 0.0, 0.0], atol=1e-6)


def test_scheduled_weights_follow_their_schedules():
    weights, _ = run(kw.ScheduledWeighting({"c": RAMP, "a": RAMP}), LOSSES)
    ramp = np.minimum(np.arange(N_STEPS) / 40, 1) * 2.0
    np.testing.assert_allclose(weights[:, 2], ramp, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(weights[:, 1], 1.0)


@pytest.mark.parametrize("distribution", ["normal", "dirichlet"])
def test_random_weights_have_their_distribution(distribution):
    n_steps = 3000
    rule = kw.RandomLossWeighting(distribution, seed=11)
    weights, _ = run(rule, np.ones((n_steps, 3)))
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=1e-5)
    rng = np.random.default_rng(0)
    if distribution == "dirichlet":
        expected = rng.dirichlet([1, 1, 1], 100_000)
    else:
        powers = np.exp(rng.normal(size=(100_000, 3)))
        expected = powers / powers.sum(axis=1, keepdims=True)
    # The mean and the quantiles of 3,000 numbers: their standard error is below 0.01.
    np.testing.assert_allclose(weights.mean(axis=0), 1 / 3, atol=0.02)
    levels = [0.1, 0.25, 0.5, 0.75, 0.9]
    np.testing.assert_allclose(
        np.quantile(weights, levels), np.quantile(expected, levels), atol=0.02
    )


def test_draws_differ_by_step_and_by_seed():
    one, _ = run(kw.RandomLossWeighting(seed=1), LOSSES[:9])
    same, _ = run(kw.RandomLossWeighting(seed=1), LOSSES[:9])
    other, _ = run(kw.RandomLossWeighting(seed=2), LOSSES[:9])
    np.testing.assert_array_equal(one, same)
    assert len(np.unique(one[:, 0])) == 9
    assert not np.intersect1d(one[:, 0], other[:, 0]).size


def test_the_default_seed_is_determined_by_keras():
    keras.utils.set_random_seed(5)
    one = kw.RandomLossWeighting().seed
    keras.utils.set_random_seed(5)
    assert kw.RandomLossWeighting().seed == one


def trained(rule, slot, losses, learning_rate):
    """Gradient descent on the trained slot of a rule, with the losses held constant."""
    state = initial_state(rule)
    value, rows = np.array(ops.convert_to_numpy(state[slot])), []
    for row in losses:
        seen = ops.convert_to_tensor(row.astype("float32"))

        def total(trained_value, seen=seen):
            moved = {**state, slot: trained_value}
            return ops.sum(rule.weights(seen, moved) * seen) + rule.penalty(seen, moved)

        (gradient,) = gradients(total, (value,))
        value = value - learning_rate * gradient
        rows.append(value)
    return np.array(rows)


@pytest.mark.parametrize("regularizer", ["log_sigma", "log_one_plus_variance"])
def test_log_variances_are_trained_as_in_the_papers(regularizer):
    rule = kw.UncertaintyWeighting(classification=["b"], regularizer=regularizer)
    found = trained(rule, "log_variance", LOSSES, learning_rate=0.05)
    s, expected = np.zeros(3), []
    for losses in LOSSES:
        of_penalty = 0.5 if regularizer == "log_sigma" else np.exp(s) / (1 + np.exp(s))
        s = s - 0.05 * (-np.array([0.5, 1.0, 0.5]) * np.exp(-s) * losses + of_penalty)
        expected.append(s)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_impartial_scales_are_trained_as_in_the_paper():
    found = trained(kw.ImpartialLossWeighting(), "scale", LOSSES, learning_rate=0.02)
    s, expected = np.zeros(3), []
    for losses in LOSSES:
        s = s - 0.02 * (np.exp(s) * losses - 1)
        expected.append(s)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_the_best_log_variance_is_the_log_of_the_loss():
    rule = kw.UncertaintyWeighting()
    constant = np.tile([3.0, 0.4, 20.0], (400, 1))
    found = trained(rule, "log_variance", constant, learning_rate=0.2)
    # 1/2 e^-s L + 1/2 s has its minimum at s = log L.
    np.testing.assert_allclose(found[-1], np.log(constant[0]), atol=1e-3)


def test_log_variances_are_kept_within_their_bounds():
    rule = kw.UncertaintyWeighting(min_log_variance=-1.0, max_log_variance=2.0)
    slot = rule.initial_state(NAMES)["log_variance"]
    assert slot.trainable
    moved = slot.constraint(ops.convert_to_tensor([-3.0, 0.5, 9.0]))
    assert ops.convert_to_numpy(moved).tolist() == [-1.0, 0.5, 2.0]
