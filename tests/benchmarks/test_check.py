"""`make bench-check` fails on what takes longer twice, and on having compared nothing."""

import pytest

pytest.importorskip("rich", reason="Keras 2 does not bring rich")

from benchmarks import __main__ as command
from tests.benchmarks.made import case, report

STORED = [report(case(5.0, 10.0))]
SLOW = [report(case(50.0, 10.0))]
RUNS = [("heads", "tensorflow", "python"), ("unlike", "tensorflow", "python")]


def confirmed(second):
    asked = []
    found = command.confirmed(STORED, SLOW, lambda runs: asked.extend(runs) or second, RUNS)
    assert asked == RUNS[:1]
    return found


def test_what_takes_too_long_twice_is_a_regression():
    assert [found.way for found in confirmed(SLOW)] == ["ours"]


def test_what_takes_too_long_once_is_none():
    assert confirmed(STORED) == []


def test_a_regression_fails_and_is_shown(capsys):
    found = confirmed(SLOW)
    assert command.checked(STORED, SLOW, found, []) == 1
    shown = capsys.readouterr().out
    assert "1 cases compared, 1 of our ways take longer than they may." in shown
    for text in ("heads", "ours", "0.50", "5.00", "50 ms", "7.7"):
        assert text in shown


def test_no_regression_passes():
    assert command.checked(STORED, STORED, [], []) == 0


def test_nothing_compared_and_problems_fail():
    assert command.checked([], SLOW, [], []) == 1
    assert command.checked(STORED, STORED, [], ["heads, jax: stopped after 3 s"]) == 1
