"""The rules without state that solve no optimization problem, and their names.

References work on the gradients themselves, in float64 and one after another.
"""

import itertools
import json
import re

import numpy as np
import pytest
import scipy.stats

from keras_multiloss import aggregation as ka
from keras_multiloss._platform import backend, double_precision, keras, ops, uniform
from keras_multiloss.aggregation._aggregators_by_name import NAMES, checked_aggregator
from keras_multiloss.aggregation._rotations import eigh
from tests.aggregation.jacobians import random, rounded, spread
from tests.lanes import needs_unknown_shapes

#: The example of the papers' codes and of TorchJD's documentation.
EXAMPLE = rounded([[-4, 1, 1], [6, 1, 1]])

#: Each rule, with arguments that fit four tasks.
RULES = {
    "imtlg": ka.IMTLG(),
    "alignedmtl": ka.AlignedMTL(),
    "alignedmtl_median": ka.AlignedMTL("median", [4, 3, 2, 1]),
    "alignedmtl_rmse": ka.AlignedMTL("rmse"),
    "config": ka.ConFIG(),
    "config_preference": ka.ConFIG([4, 3, 2, 1]),
    "pcgrad": ka.PCGrad(seed=3),
    "graddrop": ka.GradDrop(seed=3),
    "graddrop_leak": ka.GradDrop([0.0, 0.2, 0.5, 1.0], seed=3),
    "krum": ka.Krum(0),
    "krum_of_two": ka.Krum(0, n_selected=2),
    "trimmedmean": ka.TrimmedMean(1),
    "random": ka.Random(seed=3),
}
every_rule = pytest.mark.parametrize("name", RULES)

#: Those that draw nothing.
SETTLED = [name for name in RULES if name.split("_")[0] not in {"pcgrad", "graddrop", "random"}]

FOUR_TASKS = {
    "random": random(4),
    "spread": spread(4),
    "duplicates": random(4)[[0, 1, 0, 2]],
    "a zero": random(4) * [[1], [0], [1], [1]],
    "all zero": 0 * random(4),
    "stationary": random(4)[[0, 0, 1, 1]] * [[1], [-1], [1], [-2]],
    "agreeing": np.abs(random(4)),
    "more tasks than parameters": random(4, n_parameters=2),
}
every_case = pytest.mark.parametrize("case", FOUR_TASKS)


def combined(rule, jacobian, state=None):
    return ops.convert_to_numpy(rule(np.asarray(jacobian, "float32"), state))


def weights_of(rule, jacobian):
    jacobian = np.asarray(jacobian, "float64")
    return ops.convert_to_numpy(rule.weights((jacobian @ jacobian.T).astype("float32")))


def compiled(function):
    """The function as XLA compiles it; PyTorch runs it as it stands."""
    if backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(function, jit_compile=True)
    if backend() == "jax":
        import jax

        return jax.jit(function)
    return function


def assert_near(found, expected, jacobian, parts=1e-5):
    """Equal but for some parts of the longest gradient's length."""
    length = np.linalg.norm(jacobian, axis=1).max()
    np.testing.assert_allclose(found, expected, rtol=0, atol=parts * length)


# Hand values and references.


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        # Of TorchJD's documentation.
        (ka.AlignedMTL(), [0.2133, 0.9673, 0.9673]),
        (ka.ConFIG(), [0.1588, 2.0706, 2.0706]),
        (ka.PCGrad(), [0.5848, 3.8012, 3.8012]),
        # Its two weights are as the length of the other gradient: sqrt(38) : sqrt(18).
        (ka.IMTLG(), [0.0767, 1.0, 1.0]),
        # By hand: nothing is left out.
        (ka.TrimmedMean(0), [1.0, 1.0, 1.0]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_two_tasks_give_what_is_published(rule, expected):
    np.testing.assert_allclose(combined(rule, EXAMPLE), expected, atol=5e-5)  # four digits


def units_of(jacobian):
    return jacobian / np.linalg.norm(jacobian, axis=1, keepdims=True)


def imtl_g(jacobian):
    inverse = np.linalg.pinv(units_of(jacobian))
    weights = inverse.T @ inverse.sum(axis=1) / np.linalg.norm(jacobian, axis=1)
    return weights @ jacobian / weights.sum()


def aligned_mtl(jacobian, scale, preference):
    left, lengths, right = np.linalg.svd(jacobian, full_matrices=False)
    reference = {
        "min": lengths.min(),
        "median": np.sort(lengths)[(len(lengths) - 1) // 2],
        "rmse": np.sqrt(np.mean(lengths**2)),
    }
    return reference[scale] * (left @ right).T @ (preference / np.sum(preference))


def config(jacobian, preference):
    direction = np.linalg.pinv(units_of(jacobian)) @ preference
    direction /= np.linalg.norm(direction)
    return (jacobian @ direction).sum() * direction


@pytest.mark.parametrize("n_tasks", range(1, 9))
@pytest.mark.parametrize("gradients", [random, spread], ids=["random", "spread"])
def test_rules_of_directions_equal_their_references(n_tasks, gradients):
    jacobian = gradients(n_tasks)
    shares = np.arange(1.0, n_tasks + 1)
    # Cosines of float32 have errors of 1e-7, which the worst of these systems makes 30 times as
    # great; weights of opposite signs with a small sum amplify them once more.
    assert_near(combined(ka.IMTLG(), jacobian), imtl_g(jacobian), [imtl_g(jacobian)], 1e-4)
    assert_near(combined(ka.ConFIG(shares), jacobian), config(jacobian, shares), jacobian)
    for scale in ("min", "median", "rmse"):
        expected = aligned_mtl(jacobian, scale, shares)
        found = combined(ka.AlignedMTL(scale, shares), jacobian)
        assert_near(found, expected, [expected], 1e-4)


def pcgrad(jacobian, orders):
    total = np.zeros(jacobian.shape[1])
    for i, order in enumerate(orders):
        projected = jacobian[i].copy()
        for j in order:
            if j != i and projected @ jacobian[j] < 0:
                projected -= projected @ jacobian[j] / (jacobian[j] @ jacobian[j]) * jacobian[j]
        total += projected
    return total


@pytest.mark.parametrize("n_tasks", range(1, 9))
@pytest.mark.parametrize("gradients", [random, spread], ids=["random", "spread"])
def test_pcgrad_meets_the_tasks_in_the_order_that_it_draws(n_tasks, gradients):
    jacobian = gradients(n_tasks)
    drawn = ops.convert_to_numpy(uniform((n_tasks, n_tasks), seed=5, step=0))
    expected = pcgrad(jacobian, np.argsort(drawn, axis=1))
    assert_near(combined(ka.PCGrad(seed=5), jacobian), expected, jacobian)


def test_pcgrad_comes_to_each_order():
    jacobian = rounded([[1, 0, 0], [-1, 1, 0.5], [-1, -2, 0.5]])
    orders = [((1, 2), (2, 1)), ((0, 2), (2, 0)), ((0, 1), (1, 0))]
    possible = [pcgrad(jacobian, choice) for choice in itertools.product(*orders)]
    # A product of three fair coins misses one of eight values in 60 draws once in 380 times.
    found = [combined(ka.PCGrad(seed=5), jacobian, {"step": step}) for step in range(60)]
    distances = np.abs(np.array(found)[:, None] - np.array(possible)).max(axis=2)
    assert set(distances.argmin(axis=1)) == set(range(8))
    assert distances.min(axis=1).max() < 1e-5  # float32


def grad_drop(jacobian, leaks, drawn):
    found = np.zeros(jacobian.shape[1])
    for column, u in enumerate(drawn):
        entries = jacobian[:, column]
        p = 0.5 * (1 + entries.sum() / np.abs(entries).sum())
        for entry, leak in zip(entries, leaks, strict=True):
            is_kept = (u <= p and entry > 0) or (u > p and entry < 0)
            found[column] += entry if is_kept else leak * entry
    return found


@pytest.mark.parametrize("leak", [0.0, 0.3, [0.0, 0.2, 0.5, 1.0]], ids=str)
def test_graddrop_keeps_the_sign_that_it_draws(leak):
    jacobian = random(4)
    drawn = ops.convert_to_numpy(uniform((jacobian.shape[1],), seed=5, step=0))
    expected = grad_drop(jacobian, leak if isinstance(leak, list) else [leak] * 4, drawn)
    assert_near(combined(ka.GradDrop(leak, seed=5), jacobian), expected, jacobian, 1e-6)


def test_graddrop_keeps_a_sign_as_often_as_it_prevails():
    found = combined(ka.GradDrop(seed=5), np.repeat([[3.0], [-1.0]], 4000, axis=1))
    assert set(found) == {3.0, -1.0}
    # Four standard deviations of 4000 draws.
    assert np.mean(found == 3.0) == pytest.approx(0.75, abs=4 * np.sqrt(0.75 * 0.25 / 4000))


def krum(jacobian, n_byzantine, n_selected):
    n_tasks = len(jacobian)
    scores = []
    for i in range(n_tasks):
        distances = [np.sum((jacobian[i] - jacobian[j]) ** 2) for j in range(n_tasks) if j != i]
        scores.append(sum(sorted(distances)[: n_tasks - n_byzantine - 2]))
    return jacobian[np.argsort(scores)[:n_selected]].mean(axis=0)


@pytest.mark.parametrize(
    ("n_tasks", "n_byzantine", "n_selected"), [(3, 0, 1), (5, 1, 1), (7, 2, 3), (8, 1, 8)]
)
def test_krum_takes_those_of_the_lowest_scores(n_tasks, n_byzantine, n_selected):
    jacobian = random(n_tasks)
    found = combined(ka.Krum(n_byzantine, n_selected), jacobian)
    assert_near(found, krum(jacobian, n_byzantine, n_selected), jacobian, 1e-6)


@pytest.mark.parametrize(("n_tasks", "trim"), [(1, 0), (3, 1), (6, 2), (8, 3)])
def test_a_trimmed_mean_is_that_of_scipy(n_tasks, trim):
    jacobian = random(n_tasks)
    expected = scipy.stats.trim_mean(jacobian, (trim + 0.5) / n_tasks, axis=0)  # rounds down
    assert_near(combined(ka.TrimmedMean(trim), jacobian), expected, jacobian, 1e-6)


@pytest.mark.parametrize("rule", [ka.Krum(2, 3), ka.TrimmedMean(2)], ids=lambda r: type(r).__name__)
def test_wrong_gradients_do_not_matter(rule):
    honest = 5 + 0.1 * random(7)
    wrong = honest + np.outer([0, 0, 1e4, 0, -3e4, 0, 0], np.ones(honest.shape[1]))
    assert np.abs(combined(rule, wrong) - 5).max() < np.abs(honest - 5).max()


def test_random_weights_are_a_softmax_of_normal_numbers():
    rule = ka.Random(seed=5)
    drawn = [ops.convert_to_numpy(rule.weights(np.eye(2), {"step": i})) for i in range(400)]
    np.testing.assert_allclose(np.sum(drawn, axis=1), 1.0, atol=1e-6)  # of float32
    differences = np.log(drawn) @ [1, -1] / np.sqrt(2)
    assert scipy.stats.kstest(differences, "norm").pvalue > 0.01


# What the rules promise.


@pytest.mark.parametrize("n_tasks", range(1, 9))
@pytest.mark.parametrize("gradients", [random, spread], ids=["random", "spread"])
def test_imtl_g_progresses_alike_on_all_tasks(n_tasks, gradients):
    jacobian = gradients(n_tasks)
    weights = weights_of(ka.IMTLG(), jacobian).astype("float64")
    assert weights.sum() == pytest.approx(1.0, abs=1e-5 * np.abs(weights).max())
    projections = units_of(jacobian) @ (weights @ jacobian)
    np.testing.assert_allclose(projections, projections.mean(), rtol=1e-4)  # as above


@pytest.mark.parametrize("n_tasks", range(1, 9))
@pytest.mark.parametrize("gradients", [random, spread], ids=["random", "spread"])
def test_config_makes_one_angle_with_all_tasks(n_tasks, gradients):
    jacobian = gradients(n_tasks)
    gradient = combined(ka.ConFIG(), jacobian).astype("float64")
    cosines = units_of(jacobian) @ gradient / np.linalg.norm(gradient)
    assert cosines.min() > 0
    np.testing.assert_allclose(cosines, cosines.mean(), rtol=1e-4)  # as above


def test_config_follows_the_preference():
    gradient = combined(ka.ConFIG([3, 1]), EXAMPLE).astype("float64")
    cosines = units_of(EXAMPLE) @ gradient
    assert cosines[0] / cosines[1] == pytest.approx(3.0, rel=1e-5)


@pytest.mark.parametrize("n_tasks", range(2, 9))
def test_the_step_of_aligned_tasks_is_as_long_as_the_shortest_component_allows(n_tasks):
    jacobian = spread(n_tasks)
    least = np.linalg.svd(jacobian, compute_uv=False).min()
    length = np.linalg.norm(combined(ka.AlignedMTL(), jacobian))
    # The mean of orthonormal vectors is 1 / sqrt(T) long; the tolerance is as above.
    assert length == pytest.approx(least / np.sqrt(n_tasks), rel=1e-4)


# Laws.


@pytest.mark.parametrize("name", [name for name in RULES if name != "imtl_g"])
@every_case
def test_the_result_is_at_most_as_long_as_the_sum_of_lengths(name, case):
    lengths = np.linalg.norm(FOUR_TASKS[case], axis=1)
    assert np.linalg.norm(combined(RULES[name], FOUR_TASKS[case])) <= lengths.sum() * (1 + 1e-6)


@every_case
def test_imtl_g_is_finite(case):
    assert np.all(np.isfinite(combined(RULES["imtlg"], FOUR_TASKS[case])))


@every_rule
@every_case
@pytest.mark.sample(20)
def test_gradients_of_twice_the_length_give_twice_the_result(name, case):
    jacobian = FOUR_TASKS[case]
    for factor in (2.0**-30, 2.0**15):  # exact in float32, as is its square
        expected = factor * combined(RULES[name], jacobian)
        np.testing.assert_allclose(combined(RULES[name], factor * jacobian), expected, rtol=1e-6)


@pytest.mark.parametrize("name", SETTLED)
@pytest.mark.parametrize("case", ["random", "spread", "a zero"])
def test_the_order_of_tasks_is_irrelevant(name, case):
    rule, jacobian = RULES[name], FOUR_TASKS[case]
    config = rule.get_config()
    if config.get("preference"):
        config["preference"] = config["preference"][::-1]
    found = combined(type(rule).from_config(config), jacobian[::-1])
    assert_near(found, combined(rule, jacobian), jacobian)


@pytest.mark.parametrize(
    "name", ["imtl_g", "aligned_mtl", "config", "pcgrad", "grad_drop", "random"]
)
def test_one_task_keeps_its_gradient(name):
    rule = NAMES.by_name[name]()
    np.testing.assert_allclose(combined(rule, random(1)), random(1)[0], rtol=1e-6)  # float32


@pytest.mark.parametrize("name", ["imtl_g", "aligned_mtl", "config", "pcgrad"])
def test_opposite_gradients_cancel(name):
    jacobian = random(1) * [[1], [-1]]
    assert_near(combined(NAMES.by_name[name](), jacobian), 0.0, jacobian, 1e-6)  # float32


@pytest.mark.parametrize("name", ["imtl_g", "config", "pcgrad"])
def test_opposite_gradients_of_other_lengths_cancel(name):
    jacobian = rounded(random(1) * [[1], [-1e-3]])
    assert_near(combined(NAMES.by_name[name](), jacobian), 0.0, jacobian, 1e-6)  # float32


@pytest.mark.parametrize("name", ["aligned_mtl", "config", "pcgrad"])
def test_a_task_without_a_gradient_does_not_matter(name):
    rule = NAMES.by_name[name]()
    jacobian = np.abs(random(3))
    # The mean of Aligned-MTL is over all tasks.
    expected = combined(rule, jacobian) * (0.75 if name == "aligned_mtl" else 1.0)
    found = combined(rule, np.vstack([jacobian, 0 * jacobian[:1]]))
    assert_near(found, expected, jacobian)


@every_rule
def test_a_gradient_that_is_not_finite_shows(name):
    jacobian = random(4)
    for value in (np.inf, -np.inf, np.nan):
        jacobian[1, 2] = value
        assert not np.isfinite(combined(RULES[name], jacobian)[2])


@every_rule
@pytest.mark.sample(3)
def test_a_compiled_rule_gives_the_same(name, monkeypatch):
    def drawn(shape, *, seed, step):
        """XLA on TensorFlow draws other numbers from a seed."""
        numbers = np.random.default_rng(seed).random(shape).astype("float32")
        return ops.convert_to_tensor(numbers)

    for draw in ("_pcgrad.uniform", "_grad_drop.uniform", "_random_combination.normal"):
        monkeypatch.setattr(f"keras_multiloss.aggregation.{draw}", drawn)
    rule = RULES[name]
    function = compiled(rule)
    for jacobian in FOUR_TASKS.values():
        tensor = ops.convert_to_tensor(jacobian, "float32")
        expected = combined(rule, jacobian)
        found = ops.convert_to_numpy(function(tensor))
        # XLA adds up in another order, for gradients that cancel in the direction.
        assert_near(found, expected, [*jacobian, expected], 1e-5)


def test_a_compiled_rule_sees_short_components():
    jacobian = spread(4)
    expected = aligned_mtl(jacobian, "min", np.ones(4))
    found = compiled(ka.AlignedMTL())(ops.convert_to_tensor(jacobian, "float32"))
    # 1e-4 of the longest gradient is left of it, to as many digits as above.
    assert_near(ops.convert_to_numpy(found), expected, [expected], 1e-4)


@pytest.mark.parametrize("n_tasks", range(1, 9))
@pytest.mark.sample(2)
def test_compiled_eigenvectors_have_more_digits_than_float32(n_tasks):
    """TensorFlow's own have six under XLA: too few to tell short components from none."""
    jacobian = random(n_tasks)[np.arange(n_tasks) // 2]  # with duplicates
    matrix = jacobian @ jacobian.T

    def decomposed(x):
        with double_precision():
            values, vectors = eigh(ops.cast(x, "float64"))
            return ops.concatenate([ops.expand_dims(values, 0), vectors], axis=0)

    found = ops.convert_to_numpy(compiled(decomposed)(ops.convert_to_tensor(rounded(matrix))))
    values, vectors = found[0], found[1:]
    assert np.all(np.diff(values) >= 0)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(n_tasks), atol=1e-12)  # float64
    # What one sweep leaves of 1e-6, in parts of the largest eigenvalue.
    restored = vectors * values @ vectors.T
    np.testing.assert_allclose(restored, rounded(matrix), atol=1e-10 * values[-1])


@needs_unknown_shapes
@every_rule
def test_the_number_of_parameters_may_be_unknown(name):
    import tensorflow as tf

    function = tf.function(RULES[name], input_signature=[tf.TensorSpec((4, None))])
    jacobian = random(4)
    found = function(tf.constant(jacobian, "float32")).numpy()
    assert_near(found, combined(RULES[name], jacobian), jacobian, 1e-4)


@pytest.mark.parametrize("name", ["pcgrad", "grad_drop", "random"])
def test_a_draw_is_a_function_of_seed_and_step(name):
    cls, jacobian = NAMES.by_name[name], random(6)

    def drawn(seed, step):
        return combined(cls(seed=seed), jacobian, {"step": step})

    np.testing.assert_array_equal(drawn(1, 2), drawn(1, 2))
    assert np.any(drawn(1, 2) != drawn(1, 3))
    assert np.any(drawn(1, 2) != drawn(2, 2))


def test_a_seed_of_keras_decides():
    keras.utils.set_random_seed(7)
    seeds = [ka.PCGrad().seed, ka.PCGrad().seed]
    keras.utils.set_random_seed(7)
    assert [ka.PCGrad().seed, ka.PCGrad().seed] == seeds
    assert seeds[0] != seeds[1]


@pytest.mark.parametrize("name", ["graddrop", "trimmedmean"])
def test_rules_for_each_entry_have_no_weights(name):
    with pytest.raises(NotImplementedError, match="call the rule with the Jacobian"):
        RULES[name].weights(np.eye(4))


# Names and messages.


@every_rule
def test_a_rule_survives_json(name):
    rule = RULES[name]
    restored = type(rule).from_config(json.loads(json.dumps(rule.get_config())))
    assert repr(restored) == repr(rule)
    np.testing.assert_array_equal(combined(restored, random(4)), combined(rule, random(4)))


@pytest.mark.parametrize("name", NAMES.by_name)
def test_a_name_is_that_of_the_class_in_lower_case(name):
    rule = ka.get(name)
    assert type(rule).__name__.lower() == name.replace("_", "")
    assert getattr(ka, type(rule).__name__) is type(rule)


def test_every_rule_has_a_name_or_needs_arguments():
    names = {name.lower() for name in ka.__all__} - {"aggregator", "get"}
    assert names == {name.replace("_", "") for name in [*NAMES.by_name, *NAMES.with_arguments]}


@pytest.mark.parametrize(("name", "text"), NAMES.with_arguments.items())
def test_what_the_hint_says_can_be_written(name, text):
    with pytest.raises(ValueError, match=f"kml.aggregation.{re.escape(text)}"):
        ka.get(name)
    rule = eval(f"ka.{text}")  # noqa: S307 (the library's own text)
    assert ka.get(rule) is rule


class Unregistered(ka.Aggregator):
    pass


MISTAKES = {
    "unknown name": (
        lambda: checked_aggregator("Here", "aggregator", "upgrade"),
        ValueError,
        (
            "Here: `aggregator` does not name an aggregator.\n"
            f"  Expected: one of {list(NAMES.by_name)}\n"
            "  Received: 'upgrade'\n"
            "  Hint: did you mean 'upgrad'?"
        ),
    ),
    "needs arguments": (
        lambda: checked_aggregator("Here", "aggregator", "krum"),
        ValueError,
        (
            "Here: `aggregator` names an aggregator that needs arguments.\n"
            "  Expected: an object, or the name of one that needs none\n"
            "  Received: 'krum'\n"
            "  Hint: write kml.aggregation.Krum(n_byzantine=1)"
        ),
    ),
    "a class": (
        lambda: checked_aggregator("Here", "aggregator", ka.IMTLG),
        TypeError,
        "Hint: call the class to make an object",
    ),
    "unregistered": (
        lambda: checked_aggregator("Here", "aggregator", Unregistered()),
        ValueError,
        "`aggregator` cannot be saved: its class is not registered with Keras",
    ),
    "few tasks for krum": (
        lambda: ka.Krum(1).weights(np.eye(4)),
        ValueError,
        (
            "Krum: there are too few tasks to tell which are wrong.\n"
            "  Expected: at least 5 tasks, for n_byzantine=1 and n_selected=1\n"
            "  Received: 4 tasks"
        ),
    ),
    "many selected by krum": (
        lambda: ka.Krum(0, 5).weights(np.eye(4)),
        ValueError,
        "at least 5 tasks, for n_byzantine=0 and n_selected=5",
    ),
    "few tasks to trim": (
        lambda: ka.TrimmedMean(2)(random(4)),
        ValueError,
        (
            "TrimmedMean: `trim` leaves no gradient.\n"
            "  Expected: at least 5 tasks, for trim=2\n"
            "  Received: 4 tasks"
        ),
    ),
    "a negative count": (
        lambda: ka.TrimmedMean(-1),
        ValueError,
        (
            "TrimmedMean: `trim` must be an integer of at least 0.\n"
            "  Expected: 0, 1, 2, ...\n"
            "  Received: -1 of type int"
        ),
    ),
    "no count": (lambda: ka.Krum(1, 1.5), TypeError, "`n_selected` must be an integer of at least"),
    "a leak for other tasks": (
        lambda: ka.GradDrop([0.1, 0.2])(random(3)),
        ValueError,
        (
            "GradDrop: `leak` does not fit the tasks.\n"
            "  Expected: one number, or 3 numbers, one for each task\n"
            "  Received: [0.1, 0.2]"
        ),
    ),
    "a leak out of range": (lambda: ka.GradDrop([0.1, 2]), ValueError, "`leak[1]` is out of"),
    "a scale": (lambda: ka.AlignedMTL("mean"), ValueError, "one of ['min', 'median', 'rmse']"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_explained(name):
    make, kind, text = MISTAKES[name]
    with pytest.raises(kind) as caught:
        make()
    assert text in str(caught.value)
