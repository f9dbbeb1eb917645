"""The rules that remember earlier steps."""

import functools

import numpy as np
import pytest

from keras_multiloss import aggregation as ka
from keras_multiloss._platform import backend, inner_products, ops, uniform
from tests.aggregation import references_stateful as references
from tests.aggregation.compiled import combined, weights
from tests.contracts import arguments_are_attributes, config_survives_json
from tests.lanes import needs_unknown_shapes

N_STEPS = 60
N_PARAMETERS = 20

RULES = {
    "gradvac": ka.GradVac(beta=0.2, seed=3),
    "gradnorm": ka.GradNorm(),
    "moco": ka.MoCo(rho=0.1),
    "excessmtl": ka.ExcessMTL(learning_rate=0.1),
    "dbmtl": ka.DBMTL(),
    "dbmtl_fading": ka.DBMTL(beta=0.5, decay=0.5),
    "pcd": ka.PCD(tau=0.3, beta=0.9),
    "share": ka.ShareOfGradient(beta=0.9),
    "annealing": ka.LearningRateAnnealing(),
    "annealing_as_printed": ka.LearningRateAnnealing(statistic="max_mean"),
    "annealing_by_norm": ka.LearningRateAnnealing(statistic="norm"),
    "annealing_by_root": ka.LearningRateAnnealing(alpha=1.0, statistic="root_norm"),
    "crmogm": ka.CRMOGM("mgda"),
    "crmogm_of_state": ka.CRMOGM(ka.CRMOGM(ka.GradNorm(), beta=0.5)),
}
every_rule = pytest.mark.parametrize("name", RULES)

#: Those that draw nothing and have no first task.
ORDERED = {"gradvac", "pcd", "annealing", "annealing_as_printed"}
SYMMETRIC = [name for name in RULES if name not in ORDERED]


def rounded(x):
    """Float32 numbers in float64, so that a rule and its reference see the same ones."""
    return np.asarray(x, "float32").astype("float64")


def gradients(n_tasks=4, n_steps=N_STEPS, seed=0):
    """Normal gradients that change slowly and conflict, of lengths that differ."""
    rng = np.random.default_rng([n_tasks, seed])
    steps = [rng.normal(size=(n_tasks, N_PARAMETERS))]
    for _ in range(n_steps - 1):
        steps.append(0.9 * steps[-1] + 0.4 * rng.normal(size=steps[0].shape))
    return rounded(np.array(steps) * np.linspace(0.5, 2.0, n_tasks)[:, None])


def losses(n_tasks=4, n_steps=N_STEPS, seed=0):
    """Losses that fall at rates of their own, with noise."""
    rng = np.random.default_rng([n_tasks, seed, 1])
    falling = np.exp(-np.outer(np.arange(n_steps), rng.uniform(0, 0.05, n_tasks)))
    return rounded(falling * rng.uniform(0.8, 1.2, falling.shape))


def compiled(function):
    """The function as the backend compiles it; PyTorch runs it as it stands."""
    if backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(function)
    if backend() == "jax":
        import jax

        return jax.jit(function)
    return function


def step_of(rule):
    """A training step as a host takes it: from gradients, losses and state to result and state."""

    def step(jacobian, values, state):
        seen = jacobian if rule.needs_jacobian else inner_products(jacobian)
        state = rule.advance(seen, values if rule.needs_losses else None, state)
        return rule.combine(jacobian, state), {**state, "step": state["step"] + 1}

    return step


@functools.cache
def compiled_step_of(rule):
    """The same for each run of a rule, so that it is compiled once."""
    return compiled(step_of(rule))


def run(rule, jacobians, values=None, state=None):
    """The result of each step, and the state after the last one, in NumPy."""
    values = losses(*jacobians.shape[1::-1]) if values is None else values
    step = compiled_step_of(rule)
    state = rule.starting_state(*jacobians.shape[1:]) if state is None else state
    results = []
    for jacobian, now in zip(jacobians, values, strict=True):
        tensors = [ops.convert_to_tensor(x.astype("float32")) for x in (jacobian, now)]
        result, state = step(*tensors, state)
        results.append(ops.convert_to_numpy(result))
    return np.array(results), {k: ops.convert_to_numpy(v) for k, v in state.items()}


def restored(state):
    """A state from the NumPy arrays that a file holds."""
    return {k: ops.convert_to_tensor(v) for k, v in state.items()}


def assert_follows(rule, expected, n_tasks=4):
    found, _ = run(rule, gradients(n_tasks))
    size = np.abs(expected).max()
    # 60 steps of float32, each with errors of 1e-7 that running averages add up.
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * size)


# Each rule by a slow reference.

some_tasks = pytest.mark.parametrize("n_tasks", [2, 4, 7])


@some_tasks
@pytest.mark.parametrize("beta", [0.01, 0.5])
def test_grad_vac_equals_its_reference(n_tasks, beta):
    rule = ka.GradVac(beta=beta, seed=5)
    drawn = [uniform((n_tasks, n_tasks), seed=5, step=k) for k in range(N_STEPS)]
    orders = [np.argsort(ops.convert_to_numpy(x), axis=1) for x in drawn]
    assert_follows(rule, references.grad_vac(gradients(n_tasks), orders, beta), n_tasks)


@some_tasks
def test_grad_norm_equals_its_reference(n_tasks):
    expected = references.grad_norm(gradients(n_tasks), losses(n_tasks), 1.5, 0.025)
    assert_follows(ka.GradNorm(), expected, n_tasks)


@some_tasks
@pytest.mark.parametrize("rho", [0.0, 0.3])
def test_moco_equals_its_reference(n_tasks, rho):
    rule = ka.MoCo(beta=0.3, gamma=0.2, rho=rho)
    assert_follows(rule, references.moco(gradients(n_tasks), 0.3, 0.2, rho), n_tasks)


@some_tasks
def test_excess_mtl_equals_its_reference(n_tasks):
    rule = ka.ExcessMTL(learning_rate=0.2)
    assert_follows(rule, references.excess_mtl(gradients(n_tasks), 0.2), n_tasks)


@some_tasks
@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_db_mtl_equals_its_reference(n_tasks, decay):
    rule = ka.DBMTL(beta=0.8, decay=decay)
    expected = references.db_mtl(gradients(n_tasks), losses(n_tasks), 0.8, decay)
    assert_follows(rule, expected, n_tasks)


@some_tasks
@pytest.mark.parametrize("tau", [0.02, 0.5])
def test_pcd_equals_its_reference(n_tasks, tau):
    rule = ka.PCD(tau=tau, beta=0.95)
    assert_follows(rule, references.pcd(gradients(n_tasks), tau, 0.95), n_tasks)


@some_tasks
@pytest.mark.parametrize("total_norm", [None, 3.0])
def test_share_of_gradient_equals_its_reference(n_tasks, total_norm):
    shares = [1.0 + i for i in range(n_tasks)]
    rule = ka.ShareOfGradient(shares, total_norm=total_norm, beta=0.95)
    expected = references.share_of_gradient(gradients(n_tasks), shares, total_norm, 0.95)
    assert_follows(rule, expected, n_tasks)


@some_tasks
@pytest.mark.parametrize(
    ("statistic", "reference"),
    [
        ("max_mean", None),
        ("max_mean", 1),
        ("max_weighted_mean", 1),
        ("norm", None),
        ("root_norm", None),
    ],
)
def test_learning_rate_annealing_equals_its_reference(n_tasks, statistic, reference):
    rule = ka.LearningRateAnnealing(alpha=0.2, reference=reference, statistic=statistic)
    expected = references.learning_rate_annealing(
        gradients(n_tasks), losses(n_tasks), 0.2, statistic, reference or 0
    )
    assert_follows(rule, expected, n_tasks)


def test_cr_mogm_averages_the_weights_of_the_inner_rule():
    jacobians = gradients()
    inner = ka.MGDA()
    average = references.running_average([weights(inner, j) for j in jacobians], 0.9)
    assert_follows(ka.CRMOGM("mgda"), np.einsum("st,stn->sn", average, jacobians))


# Laws of all of them.


@every_rule
def test_a_run_that_stops_and_goes_on_is_the_same_bit_for_bit(name):
    rule, jacobians, values = RULES[name], gradients(), losses()
    half = N_STEPS // 2
    whole, last = run(rule, jacobians, values)
    first, state = run(rule, jacobians[:half], values[:half])
    second, resumed = run(rule, jacobians[half:], values[half:], restored(state))
    np.testing.assert_array_equal(np.concatenate([first, second]), whole)
    for key, value in last.items():
        np.testing.assert_array_equal(resumed[key], value)


@every_rule
def test_the_state_keeps_its_names_shapes_and_types(name):
    start = RULES[name].initial_state(4, N_PARAMETERS)
    _, state = run(RULES[name], gradients(n_steps=2))
    assert RULES[name].has_state
    assert set(state) == {"step", *start}
    for key, value in start.items():
        assert value.dtype == state[key].dtype == "float32"
        assert value.shape == state[key].shape


@every_rule
def test_a_call_gives_the_first_step(name):
    jacobians, values = gradients(n_steps=1), losses(n_steps=1)
    expected, _ = run(RULES[name], jacobians, values)
    found = RULES[name](jacobians[0].astype("float32"), losses=values[0])
    # Compiled and not, sums are formed in different orders.
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected[0], rtol=1e-5, atol=1e-5)


@every_rule
def test_scaled_gradients_give_the_scaled_result(name):
    plain, _ = run(RULES[name], gradients())
    scaled, _ = run(RULES[name], 2.0**12 * gradients())
    # A power of 2 changes no digits, but those of the square roots of sums in SIMD code.
    np.testing.assert_allclose(scaled, 2.0**12 * plain, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("name", SYMMETRIC)
def test_the_order_of_tasks_is_irrelevant(name):
    order = [2, 0, 3, 1]
    plain, _ = run(RULES[name], gradients())
    moved, _ = run(RULES[name], gradients()[:, order], losses()[:, order])
    np.testing.assert_allclose(moved, plain, rtol=1e-4, atol=1e-4 * np.abs(plain).max())


@every_rule
def test_a_single_task_gets_its_direction_in_the_first_step(name):
    gradient = gradients(1, 1)[0]
    found = ops.convert_to_numpy(RULES[name](gradient.astype("float32"), losses=[1.0]))
    share = found @ gradient[0] / (gradient[0] @ gradient[0])
    assert share > 0
    np.testing.assert_allclose(found, share * gradient[0], rtol=1e-4, atol=1e-5)


LENGTHS = np.geomspace(1.0, 1e-4, 4)[:, None]
MOSTLY_ZERO = (np.arange(N_STEPS) % 3 == 2)[:, None, None]
HARD = {
    "a zero task": gradients() * np.array([1, 0, 1, 1])[:, None],
    "a first task of zeros": gradients() * np.array([0, 1, 1, 1])[:, None],
    "all zero": 0 * gradients(),
    "zero at first": gradients() * (np.arange(N_STEPS) > 9)[:, None, None],
    "zero now and then": gradients() * MOSTLY_ZERO,
    "duplicates": gradients()[:, [0, 1, 0, 2]],
    "opposites": gradients()[:, [0, 1, 0, 2]] * np.array([1, 1, -1, 1])[:, None],
    "opposites of the first alone": gradients()[:, [0, 0, 0, 0]] * np.array([[1], [1], [-1], [-2]]),
    "spread": gradients() * LENGTHS,
    "spread that turns": np.concatenate([gradients() * LENGTHS, gradients() * LENGTHS[::-1]]),
}


@every_rule
@pytest.mark.parametrize("case", HARD)
@pytest.mark.sample(20)
def test_hard_gradients_give_results_that_are_finite_and_no_longer_than_them(name, case):
    jacobians = HARD[case]
    found, state = run(RULES[name], jacobians)
    assert np.isfinite(found).all()
    assert all(np.isfinite(value).all() for value in state.values())
    if name.startswith("annealing") and case == "spread that turns":
        return  # its weights are ratios of the lengths before
    # Weights are below 1, or T in a sum; turns towards the others and log losses add to that.
    assert np.linalg.norm(found, axis=1).max() <= 100 * np.linalg.norm(jacobians, axis=2).max()


@every_rule
def test_configs_survive_json(name):
    config_survives_json(RULES[name])
    arguments_are_attributes(RULES[name])


@needs_unknown_shapes
@every_rule
def test_gradients_of_unknown_length_are_traced(name):
    import tensorflow as tf

    rule, start = RULES[name], RULES[name].starting_state(4, N_PARAMETERS)

    def spec(tensor):
        wide = tensor.shape.rank == 2 and tensor.shape[1] == N_PARAMETERS
        return tf.TensorSpec((4, None) if wide else tensor.shape, tensor.dtype)

    jacobians, values = gradients(n_steps=1), losses(n_steps=1)
    specs = [tf.TensorSpec((4, None)), tf.TensorSpec((4,)), {k: spec(v) for k, v in start.items()}]
    step = tf.function(step_of(rule), input_signature=specs)
    found, _ = step(*[tf.constant(x[0], "float32") for x in (jacobians, values)], start)
    expected, _ = run(rule, jacobians, values)
    np.testing.assert_allclose(found, expected[0], rtol=1e-5, atol=1e-5)


# Laws of one.


def test_grad_vac_starts_as_pcgrad():
    jacobian = gradients(6, 1)[0]
    found, expected = combined(ka.GradVac(seed=7), jacobian), combined(ka.PCGrad(seed=7), jacobian)
    # The same projections, once by sines and cosines.
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_grad_vac_turns_two_gradients_to_the_cosine_of_the_past():
    rule = ka.GradVac(beta=1.0, seed=0)
    jacobians = rounded([[[1, 0], [0.6, 0.8]], [[2, 0], [0, 3]]])
    found, state = run(rule, jacobians, losses(2, 2))
    # The first cosine is 0.6, so that the second step turns (2, 0) to a cosine of 0.6 with
    # (0, 3), and the other way round: by hand, (2, 0) + (0, 1.5) and (0, 3) + (2.25, 0).
    np.testing.assert_allclose(found[1], [4.25, 4.5], rtol=1e-6)
    np.testing.assert_allclose(state["targets"], [[0, 0], [0, 0]], atol=1e-6)


def test_grad_vac_learns_nothing_from_gradients_of_zero():
    jacobians = gradients(n_steps=2)
    jacobians[1, 1] = 0
    _, before = run(ka.GradVac(beta=0.5, seed=0), jacobians[:1])
    _, after = run(ka.GradVac(beta=0.5, seed=0), jacobians)
    np.testing.assert_array_equal(after["targets"][1], before["targets"][1])
    np.testing.assert_array_equal(after["targets"][:, 1], before["targets"][:, 1])


def test_grad_norm_steps_along_the_gradient_of_its_objective():
    rate, alpha = 1e-3, 1.5
    jacobian, now = gradients(n_steps=1)[0], losses(n_steps=2)
    rule = ka.GradNorm(alpha, rate)
    start = {**rule.initial_state(4, 1), "first_losses": now[0].astype("float32"), "step": 0}
    gramian = ops.convert_to_tensor((jacobian @ jacobian.T).astype("float32"))
    state = rule.advance(gramian, now[1], {k: ops.convert_to_tensor(v) for k, v in start.items()})
    lengths = np.linalg.norm(jacobian, axis=1)
    rates = now[1] / now[0] / np.mean(now[1] / now[0])

    def objective(log_weights):
        weights = np.exp(log_weights)
        mean = lengths.mean()
        return references.grad_norm_objective(weights, lengths, rates, alpha, mean) / mean

    steps = 1e-6 * np.eye(4)
    slope = [(objective(step) - objective(-step)) / 2e-6 for step in steps]
    expected = np.exp(-rate * np.array(slope))
    found = ops.convert_to_numpy(state["next_weights"])
    # Relative to the step of 1e-3, float32 weights near 1 have errors of 1e-4.
    np.testing.assert_allclose(found, 4 * expected / expected.sum(), atol=3e-7)


@pytest.mark.parametrize("spread", [1.0, 1e4])
def test_grad_norm_brings_gradients_to_one_length(spread):
    jacobian = gradients(n_steps=1)[0] * np.geomspace(1, 1 / spread, 4)[:, None]
    steady = np.repeat(jacobian[None], 1000, axis=0)
    _, state = run(ka.GradNorm(alpha=0.0), steady, np.ones((1000, 4)))
    lengths = state["weights"] * np.linalg.norm(jacobian, axis=1)
    # Each step changes a weight by 2.5%.
    np.testing.assert_allclose(lengths / lengths.mean(), np.ones(4), atol=0.1)


@pytest.mark.parametrize(
    "rule",
    [ka.GradNorm(), ka.DBMTL(), ka.LearningRateAnnealing(statistic="root_norm")],
    ids=["gradnorm", "dbmtl", "annealing"],
)
def test_a_rule_of_losses_says_that_it_needs_them(rule):
    with pytest.raises(ValueError, match="needs the losses"):
        rule(gradients(n_steps=1)[0])


def test_moco_tends_to_mgda_on_steady_gradients():
    jacobian = gradients(n_steps=1, seed=2)[0]
    steady = np.repeat(jacobian[None], 2000, axis=0)
    found, _ = run(ka.MoCo(beta=0.5, gamma=0.5), steady)
    expected = combined(ka.MGDA(), jacobian)
    # Gradient descent on a quadratic function, down to the digits of float32.
    np.testing.assert_allclose(found[-1], expected, atol=1e-4)


def test_excess_mtl_waits_for_a_first_gradient():
    jacobians = gradients(2, 3)
    jacobians[0, 1] = 0
    _, state = run(ka.ExcessMTL(), jacobians[:1])
    assert state["first_excess"][0] > 0
    assert state["first_excess"][1] == 0
    _, state = run(ka.ExcessMTL(), jacobians)
    assert (state["first_excess"] > 0).all()


def test_excess_mtl_survives_an_excess_that_overflows_a_weight():
    jacobians = gradients(2, 3) * np.array([1e-6, 1e4, 1.0])[:, None, None]
    jacobians[1:, 1] = 0
    found, state = run(ka.ExcessMTL(), jacobians)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(np.exp(state["log_weights"]), [1, 0], atol=1e-6)


def test_db_mtl_gives_all_tasks_the_length_of_the_longest():
    jacobian = np.diag([1.0, 2.0, 5.0])
    found = ka.DBMTL(beta=0.0)(jacobian, losses=[1.0, 1.0, 1.0])
    np.testing.assert_allclose(ops.convert_to_numpy(found), [5.0, 5.0, 5.0], rtol=1e-6)


def test_pcd_makes_progress_on_each_task_at_the_length_of_the_first():
    rule = ka.PCD(0.4)
    for jacobian in gradients(5, 20):
        found = combined(rule, jacobian)
        np.testing.assert_allclose(np.linalg.norm(found), np.linalg.norm(jacobian[0]), rtol=1e-5)
        assert (jacobian[1:] @ found > 0).all()


def test_pcd_leaves_the_first_gradient_where_all_have_their_progress():
    jacobian = rounded([[1, 1, 0], [1, 0, 0], [0, 5, 0]])
    found = combined(ka.PCD(0.02), jacobian)
    np.testing.assert_allclose(found, jacobian[0], rtol=1e-6)


@pytest.mark.parametrize(
    ("jacobian", "expected"),
    [
        ([[1, 2, 3], [0, 1, 0], [0, -4, 0]], [1, 2, 3]),
        ([[1, 0, 0], [-1, 1, 0], [-1, -1, 0]], [0, 0, 0]),
        ([[0, 0, 0], [0, 1, 0], [1, 0, 0]], [0, 0, 0]),
    ],
    ids=["no solution", "only zero", "first is zero"],
)
def test_pcd_without_a_direction_of_its_own(jacobian, expected):
    tau = 0.0 if expected == [0, 0, 0] else 0.02
    found = combined(ka.PCD(tau), np.array(jacobian, "float64"))
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_share_of_gradient_gives_each_task_its_share_on_average(scale):
    jacobians = gradients(3, 40) * np.array([1.0, scale, 1 / scale])[:, None]
    _, state = run(ka.ShareOfGradient([3.0, 2.0, 1.0], total_norm=6.0, beta=1 - 1e-6), jacobians)
    rule = ka.ShareOfGradient([3.0, 2.0, 1.0], total_norm=6.0)
    lengths = np.linalg.norm(jacobians, axis=2).mean(axis=0)
    gramian = ops.convert_to_tensor((jacobians[-1] @ jacobians[-1].T).astype("float32"))
    found = ops.convert_to_numpy(rule.weights(gramian, restored(state)))
    # The average of all 40 steps, in float32.
    np.testing.assert_allclose(found * lengths, [3.0, 2.0, 1.0], rtol=1e-3)


def test_shares_in_the_proportion_of_the_lengths_give_the_sum():
    jacobian = gradients(3, 1)[0]
    rule = ka.ShareOfGradient(np.linalg.norm(jacobian, axis=1).tolist())
    np.testing.assert_allclose(combined(rule, jacobian), jacobian.sum(axis=0), atol=1e-5)


def test_root_norm_is_the_kernel_of_the_residuals_in_their_direction():
    """Of residuals that are linear in the parameters, as gradients of losses see them."""
    rng = np.random.default_rng(5)
    slopes, residuals = rng.normal(size=(2, 6, 8)), rng.normal(size=(2, 6))
    jacobian = np.array([2 / 6 * a.T @ r for a, r in zip(slopes, residuals, strict=True)])
    values = (residuals**2).mean(axis=1)
    rule = ka.LearningRateAnnealing(alpha=1.0, statistic="root_norm")
    found = ops.convert_to_numpy(rule(jacobian.astype("float32"), losses=values))
    kernels = [r @ a @ a.T @ r / (6 * r @ r) for a, r in zip(slopes, residuals, strict=True)]
    roots = np.sqrt(kernels)
    np.testing.assert_allclose(found, roots.sum() / roots @ jacobian, rtol=1e-4)


def test_weighted_means_give_the_root_of_the_ratio():
    steady = np.repeat(gradients(2, 1), 300, axis=0)
    _, state = run(ka.LearningRateAnnealing(statistic="max_weighted_mean"), steady)
    ratio = np.abs(steady[0, 0]).max() / np.abs(steady[0, 1]).mean()
    # Shrinking by 0.8 a step, the distance is 0 in float32.
    np.testing.assert_allclose(state["weights"], [1.0, np.sqrt(ratio)], rtol=1e-5)


@pytest.mark.parametrize("statistic", ["max_mean", "max_weighted_mean", "norm", "root_norm"])
def test_a_gradient_of_zero_moves_no_weight(statistic):
    jacobians = gradients(3, 2)
    jacobians[1, 1] = 0
    rule = ka.LearningRateAnnealing(statistic=statistic)
    _, before = run(rule, jacobians[:1])
    _, after = run(rule, jacobians)
    assert before["weights"][1] != 1
    assert after["weights"][1] == before["weights"][1]
    assert after["weights"][2] != before["weights"][2]


def test_cr_mogm_of_no_memory_is_the_inner_rule():
    found, _ = run(ka.CRMOGM("upgrad", beta=0.0), gradients())
    expected, _ = run(ka.UPGrad(), gradients())
    np.testing.assert_array_equal(found, expected)


def test_cr_mogm_refuses_a_rule_that_gives_no_weights():
    with pytest.raises(ValueError, match="gives no weights to average"):
        ka.CRMOGM("moco")


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: ka.GradVac(beta=1.5), ValueError),
        (lambda: ka.GradNorm(alpha=-1.0), ValueError),
        (lambda: ka.GradNorm(learning_rate=0.0), ValueError),
        (lambda: ka.MoCo(beta=0.0), ValueError),
        (lambda: ka.MoCo(gamma=0.0), ValueError),
        (lambda: ka.MoCo(rho=-1.0), ValueError),
        (lambda: ka.ExcessMTL(learning_rate="fast"), TypeError),
        (lambda: ka.DBMTL(beta=1.1), ValueError),
        (lambda: ka.DBMTL(decay=-0.5), ValueError),
        (lambda: ka.PCD(tau=1.1), ValueError),
        (lambda: ka.PCD(beta=1.0), ValueError),
        (lambda: ka.ShareOfGradient([1.0, 0.0]), ValueError),
        (lambda: ka.ShareOfGradient(beta=1.0), ValueError),
        (lambda: ka.ShareOfGradient(total_norm=0.0), ValueError),
        (lambda: ka.ShareOfGradient({"age": 1.0}), TypeError),
        (lambda: ka.LearningRateAnnealing(alpha=0.0), ValueError),
        (lambda: ka.LearningRateAnnealing(statistic="trace"), ValueError),
        (lambda: ka.LearningRateAnnealing(reference="residual"), TypeError),
        (lambda: ka.LearningRateAnnealing(reference=1, statistic="norm"), ValueError),
        (lambda: ka.CRMOGM("unknown"), ValueError),
        (lambda: ka.CRMOGM(ka.MGDA), TypeError),
    ],
    ids=[f"case {i}" for i in range(21)],
)
def test_arguments_out_of_range_are_refused(make, kind):
    with pytest.raises(kind, match="Expected"):
        make()
