"""The examples about weights run, and do what they say."""

import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from keras_multiloss._platform import keras

EXAMPLES = Path(__file__).parents[1] / "examples"

pytestmark = pytest.mark.skipif(
    keras.__name__.startswith("tf_keras"),
    reason="the examples import `keras`, which is Keras 3 in the tf-keras lane",
)


@pytest.fixture
def example(monkeypatch):
    """Imports an example; skips where the `data` group, which it reads, is not installed."""
    pytest.importorskip("plotnine", reason="the data lie in the `data` dependency group")
    pytest.importorskip("keras_tuner", reason="the tuner is in the `data` dependency group")
    monkeypatch.syspath_prepend(EXAMPLES)
    yield import_module
    for name in ("weightings_compared", "tuning_weights"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("n_rules", [1, pytest.param(8, marks=pytest.mark.slow)])
def test_comparison_trains_under_every_weighting(n_rules, example, monkeypatch, capsys):
    compared = example("weightings_compared")
    every = compared.candidates

    def some(scores):
        fixed, moving = every(scores)
        return fixed, dict(list(moving.items())[:n_rules])

    monkeypatch.setattr(compared, "candidates", some)
    monkeypatch.setattr(compared, "N_DIAMONDS", 3100)
    monkeypatch.setattr(sys, "argv", ["weightings_compared.py", "--epochs=1", "--seeds=2"])
    compared.main()
    printed = capsys.readouterr().out
    fixed, moving = compared.candidates({name: np.ones(2) * [1, 2] for name in compared.TASKS})
    assert len(fixed) == 3
    assert len(moving) == n_rules
    assert all(f" {name} " in printed for name in (*fixed, *moving))
    assert "nan" not in printed


def test_finding_of_the_comparison_follows_from_its_numbers(example):
    compared = example("weightings_compared")
    errors = {
        "equal": [0.7, 0.7],
        "tuned": [0.44, 0.46],
        "famo": [0.45, 0.47],
        "random": [0.6, 0.7],
    }
    rows = {
        name: np.array([[0, 0, 0, error] for error in values]) for name, values in errors.items()
    }
    fixed = {name: rows[name] for name in ("equal", "tuned")}
    moving = {name: rows[name] for name in ("famo", "random")}
    assert compared.finding(fixed, moving) == (
        "The error of the best fixed weights (tuned) and of the best rule (famo) differ by 0.010, "
        "within the spread over seeds; tuned is ahead. Of the 2 rules, 1 stay nearer to equal "
        "weights than to the best: random."
    )


def test_scores_of_constant_guesses_are_guessing(example):
    compared = example("weightings_compared")
    _, _, (x, y) = compared.diamonds()
    most_frequent = np.bincount(y["cut"][:, 0]).argmax()

    def guess(inputs):
        cut = np.eye(5)[np.full(len(inputs), most_frequent)]
        medians = {
            name: np.full((len(inputs), 1), np.median(y[name])) for name in ("price", "depth")
        }
        return {**medians, "cut": cut}

    assert compared.scores(guess, x, y)[-1] == pytest.approx(1.0, rel=1e-6)  # float32 means


def test_search_of_weights_puts_the_best_first(example):
    tuning = example("tuning_weights")
    training, validation, _ = tuning.diamonds()
    few = [
        (x[:200], {name: label[:200] for name, label in y.items()})
        for x, y in (training, validation)
    ]
    trials = tuning.search(*few, n_trials=2, epochs=1)
    assert [set(trial.hyperparameters.values) for trial in trials] == [{"price", "depth"}] * 2
    assert trials[0].score <= trials[1].score
