"""The examples about gradient balancing run, and do what they say."""

import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras, ops
from tests.lanes import needs_tensorflow_backend

EXAMPLES = Path(__file__).parents[1] / "examples"

pytestmark = [
    pytest.mark.skipif(
        keras.__name__.startswith("tf_keras"),
        reason="the examples import `keras`, which is Keras 3 in the tf-keras lane",
    ),
    needs_tensorflow_backend,
]


@pytest.fixture
def example(monkeypatch):
    """Imports an example; skips where the `data` group, which it reads, is not installed."""
    for package in ("matplotlib", "mlxtend", "rich"):
        pytest.importorskip(package, reason="it is in the `data` dependency group")
    monkeypatch.syspath_prepend(EXAMPLES)
    yield import_module
    for name in ("two_objectives", "multi_mnist", "mnist_addition"):
        sys.modules.pop(name, None)


@pytest.fixture
def toy(example, monkeypatch):
    found = example("two_objectives")
    monkeypatch.setattr(found, "STEPS_PER_POINT", 10)
    return found


@pytest.mark.parametrize("x", [(-8.5, 7.5), (9.0, 9.0), (-7.5, -0.5), (3.0, -8.0)])
def test_gradients_of_the_toy_are_those_of_its_objectives(toy, x):
    step = 1e-6  # in float64: errors of 1e-10 or so, of rounding and of curvature
    numeric = [
        [
            (after - before) / (2 * step)
            for after, before in zip(
                toy.objectives(*(x + step * side)), toy.objectives(*(x - step * side)), strict=True
            )
        ]
        for side in np.eye(2)
    ]
    gradients = toy.jacobian(ops.convert_to_tensor(np.array(x)))
    np.testing.assert_allclose(gradients, np.transpose(numeric), rtol=1e-6, atol=1e-8)


def test_front_of_the_toy_is_that_of_the_papers(toy):
    front = toy.front()
    middle = front[len(front) // 2]
    # Their pictures draw it as the line x2 = -8.3552, which it is in the middle.
    np.testing.assert_allclose(middle, [0.0, -8.3552], atol=1e-3)  # the grid has steps of 1e-3
    np.testing.assert_allclose(front, front[::-1] * [-1, 1], atol=2e-3)  # the problem is symmetric


def test_toy_takes_the_steps_of_adam(toy, monkeypatch):
    monkeypatch.setattr(toy, "STARTS", [(-8.5, 7.5)])
    (found,) = toy.paths(kml.aggregation.Mean(), 20)
    x = keras.Variable(toy.STARTS[0], dtype="float32")
    optimizer = keras.optimizers.Adam(toy.LEARNING_RATE)
    for _ in range(20):
        optimizer.apply([ops.mean(toy.jacobian(x.value), axis=0)], [x])
    assert found.shape == (3, 2)
    np.testing.assert_allclose(found[-1], x, rtol=1e-6)  # float32


def test_toy_draws_its_picture_and_says_which_rules_arrive(toy, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(toy, "STARTS", [(-8.5, 7.5), (1.0, -8.36)])
    picture = tmp_path / "toy.png"
    options = ["--steps=20", "--rules", "Mean", "GradDrop", f"--out={picture}"]
    monkeypatch.setattr(sys, "argv", ["two_objectives.py", *options])
    toy.main()
    printed = capsys.readouterr().out
    assert picture.stat().st_size > 10_000
    assert "Equal weights reach the front from 1 of 2 starts." in printed
    assert "no rule" in printed


def test_finding_of_the_toy_follows_from_its_paths(toy):
    arrived = np.array([[start, (0.0, -8.355)] for start in toy.STARTS])
    stuck = arrived.copy()
    stuck[2, -1] = (5.0, 4.0)
    assert toy.finding({"Mean": stuck, "MGDA": arrived}) == (
        "Equal weights reach the front from 4 of 5 starts. From every start it is reached by: MGDA."
    )


def test_overlaid_pictures_hold_both_digits_and_each_digit_equally_often(example):
    mnist = example("multi_mnist")
    images = np.arange(1.0, 6.0)[:, None, None, None] * np.ones((28, 28, 1))
    pictures, y = mnist.overlaid(images, np.arange(5), 2, seed=0)
    assert pictures.shape == (10, 36, 36, 1)
    assert {task: np.bincount(digits).tolist() for task, digits in y.items()} == {
        "left": [2] * 5,
        "right": [2] * 5,
    }
    np.testing.assert_array_equal(pictures[:, 0, 0, 0], y["left"] + 1)
    np.testing.assert_array_equal(pictures[:, -1, -1, 0], y["right"] + 1)
    np.testing.assert_array_equal(pictures[:, 18, 18, 0], 1 + np.maximum(y["left"], y["right"]))
    np.testing.assert_array_equal(pictures[:, 0, -1, 0], 0.0)


def test_pictures_are_drawn(example, tmp_path):
    y = {task: np.arange(8) for task in ("left", "right")}
    example("multi_mnist").draw(tmp_path / "digits.png", np.zeros((8, 36, 36, 1)), y)
    assert (tmp_path / "digits.png").stat().st_size > 1000


def test_no_digit_of_a_test_picture_is_in_training(example):
    (training, _), (held_out, _) = example("multi_mnist").digits()
    seen = {image.tobytes() for image in training}
    assert not any(image.tobytes() in seen for image in held_out)


def test_multi_mnist_compares_all_rules_that_two_tasks_can_have(example):
    compared = {type(make()).__name__ for make in example("multi_mnist").RULES.values()}
    others = {"Aggregator", "Constant", "Krum", "Mean", "Sum", "TrimmedMean"}
    assert compared == set(kml.aggregation.__all__) - others - {"get"}


def test_multi_mnist_trains_with_and_without_a_rule(example):
    mnist = example("multi_mnist")
    images = np.random.default_rng(0).random((20, 28, 28, 1))
    data = mnist.overlaid(images, np.arange(20) % 10, 1, seed=0)
    results = mnist.compare(["GradNorm"], data, data, epochs=1, n_seeds=1)
    assert list(results) == [mnist.SINGLE, mnist.PLAIN, "GradNorm"]
    assert all(rows.shape == (1, 2) for rows in results.values())
    assert all(0 <= rows.min() <= rows.max() <= 100 for rows in results.values())


def test_balancer_of_the_sum_is_plain_training(example):
    mnist = example("multi_mnist")
    pictures = np.random.default_rng(0).random((8, 36, 36, 1)).astype("float32")
    y = {task: np.arange(8) for task in mnist.TASKS}
    kernels = []
    for rule in (None, kml.aggregation.Sum()):
        keras.utils.set_random_seed(0)
        model = mnist.compiled_model(mnist.TASKS, rule)
        model.train_on_batch(pictures, y)
        kernels.append(model.layers[1].kernel)
    # One step of Adam moves each weight by 2e-3 at most; float32 sums in another order.
    np.testing.assert_allclose(*kernels, atol=1e-5)


def test_finding_of_multi_mnist_follows_from_its_numbers(example):
    mnist = example("multi_mnist")
    means = {
        mnist.SINGLE: 93.0,
        mnist.PLAIN: 92.0,
        "UPGrad": 92.1,
        "MGDA": 90.0,
        "PCD": 94.0,
    }
    seeds = np.array([[-0.2], [0.0], [0.2]])
    results = {name: mean + seeds * np.ones(2) for name, mean in means.items()}
    assert mnist.finding(results) == (
        "Of 3 rules, 1 are within the spread over seeds of the plain sum, above it: PCD, below it: "
        "MGDA. Networks of their own are +1.0 against the plain sum."
    )
    assert mnist.table_of(results).row_count == 5
