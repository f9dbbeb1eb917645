"""Ways are measured in turn, and a case says how they compare."""

import itertools
import time

import pytest

from benchmarks.timing import Case, interleaved, relative_spread, seconds_of


@pytest.fixture
def clock_of_rounds(monkeypatch):
    """A clock that goes on by a second for each round."""
    seconds = itertools.count()
    monkeypatch.setattr("benchmarks.timing.time.perf_counter", lambda: next(seconds))


@pytest.mark.usefixtures("clock_of_rounds")
def test_ways_are_measured_in_turn_and_every_other_round_backwards():
    order = []
    runs = {way: lambda way=way: order.append(way) or float(len(order)) for way in "ab"}
    measured = interleaved(runs, seconds=1, n_rounds=3)
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert measured == {"a": [1.0, 4.0, 5.0], "b": [2.0, 3.0, 6.0]}


@pytest.mark.usefixtures("clock_of_rounds")
@pytest.mark.parametrize(("seconds", "n_rounds"), [(10, 10), (1, 3), (0.2, 1)])
def test_three_rounds_may_take_five_times_as_long_as_they_are_given(seconds, n_rounds):
    assert len(interleaved({"a": lambda: 1.0}, seconds)["a"]) == n_rounds


def test_seconds_are_those_of_a_run():
    assert 0.01 <= seconds_of(lambda: time.sleep(0.01)) < 1


def test_a_case_has_medians_in_its_unit_and_ratios_to_the_first_peer():
    measured = {"keras": [0.002, 0.004, 0.9], "ours": [0.001], "floor": [0.0005]}
    case = Case.of("step", measured, ["keras", "floor"])
    assert case.values == pytest.approx({"keras": 4.0, "ours": 1.0, "floor": 0.5})
    assert case.ratio("ours") == pytest.approx(0.25)
    assert (case.base, case.ours) == ("keras", ["ours"])
    assert Case.of("epoch", measured, ["keras"], unit="s").values["keras"] == 0.004


def test_the_spread_is_that_of_the_way_that_varies_most():
    measured = {"keras": [1.0, 1.0, 1.0], "ours": [8.0, 10.0, 12.0]}
    assert Case.of("step", measured, ["keras"]).spread == relative_spread([8.0, 10.0, 12.0]) == 0.2


def test_one_number_and_nothing_at_all_have_no_spread():
    assert relative_spread([1.0]) == relative_spread([0.0, 0.0, 0.0]) == 0.0


def test_a_ratio_to_nothing_is_infinite():
    assert Case("memory", "MB", {"keras": -0.5, "ours": 1.0}, ("keras",)).ratio("ours") == float(
        "inf"
    )
