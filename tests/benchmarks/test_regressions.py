"""A way regresses beyond the margin and the slack, beside its peer; nothing else counts."""

import pytest

from benchmarks.regressions import MARGIN, SLACK, compared, regressions
from tests.benchmarks.made import case, report


def found(before, now, **places):
    return regressions([report(before)], [report(now, **places)])


def test_a_ratio_beyond_margin_and_slack_is_a_regression():
    limit = MARGIN * 5.0 + SLACK["ms"]
    assert found(case(5.0, 10.0), case(limit - 0.01, 10.0)) == []
    (regression,) = found(case(5.0, 10.0), case(limit + 0.01, 10.0))
    assert regression[:5] == ("heads", "tensorflow", "step", "ours", "ms")
    assert regression.stored == 0.5
    assert regression.ratio == pytest.approx((limit + 0.01) / 10)
    assert regression.limit == pytest.approx(limit)


def test_a_machine_that_is_slower_for_all_ways_is_no_regression():
    assert found(case(5.0, 10.0), case(50.0, 100.0)) == []
    assert len(found(case(5.0, 10.0), case(50.0, 10.0))) == 1


def test_a_faster_peer_makes_the_same_time_a_regression():
    assert len(found(case(5.0, 10.0), case(5.0, 5.0))) == 1


def test_the_slack_lets_tiny_steps_vary():
    assert found(case(0.1, 1.0), case(0.3, 1.0)) == []


def test_a_peer_never_regresses():
    assert found(case(peers={"floor": 0.1}), case(peers={"floor": 9.0})) == []


def test_an_amount_is_compared_by_itself_whatever_its_peer_takes():
    def grown(ours, keras):
        return case(ours, keras, unit="MB", is_amount=True)

    assert found(grown(1.0, 0.0), grown(15.0, -2.0)) == []
    assert found(grown(1.0, 0.0), grown(40.0, 0.0))[0].limit == MARGIN + SLACK["MB"]


def test_what_was_not_stored_is_not_compared():
    stored = [report(case(0.5, 10.0))]
    others = [
        report(case(90.0, 10.0), topic="unlike"),
        report(case(90.0, 10.0), lane="jax"),
        report(case(90.0, 10.0), gpu="NVIDIA H100"),
        report(case(90.0, 10.0, name="first epoch")),
    ]
    assert [*compared(stored, others)] == []
    assert regressions(stored, others) == []


def test_a_way_that_is_new_is_not_compared():
    now = case(0.5, 10.0)
    now.values["ours, fused"] = 90.0
    assert found(case(0.5, 10.0), now) == []
