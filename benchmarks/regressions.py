"""What takes longer than it did, by ratios to the same peers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from benchmarks.results import Report
    from benchmarks.timing import Case

#: How much larger a ratio may be. Ratios cancel the speed of a machine but not its kind: between
#: two processors, or a busy machine and a quiet one, those of the same code differ by 1.2 to 1.4,
#: as the share of Python in a step does. What this is meant to find (a fusion that no longer
#: happens, a pass too many, a trace for each epoch) costs 1.5 and more.
MARGIN = 1.5

#: What counts as nothing, beside the margin: a step of half a millisecond varies by a tenth of
#: one, an import with the state of the disk, memory by what an allocator keeps; a new Keras may
#: add modules.
SLACK = {"ms": 0.2, "s": 0.15, "MB": 20.0, "modules": 15.0}


class Regression(NamedTuple):
    """A way of ours that takes longer than it may.

    Attributes:
        topic: of the suite.
        lane: of the suite.
        case: the name of the case.
        way: which of ours.
        unit: of the value.
        stored: the ratio to the base in the stored results.
        ratio: the one that was measured now.
        value: what the way took.
        limit: what it may take here, beside the base as it was measured now.
    """

    topic: str
    lane: str
    case: str
    way: str
    unit: str
    stored: float
    ratio: float
    value: float
    limit: float


def regressions(stored: Iterable[Report], measured: Iterable[Report]) -> list[Regression]:
    """All ways of ours that exceed their limits; what is not in both is not compared."""
    found = []
    for report, before, case in compared(stored, measured):
        for way in case.ours:
            limit = limit_of(way, before, case)
            if case.values[way] > limit:
                ratios = (before.ratio(way), case.ratio(way))
                measurement = (case.unit, *ratios, case.values[way], limit)
                found.append(Regression(report.topic, report.lane, case.name, way, *measurement))
    return found


def compared(
    stored: Iterable[Report], measured: Iterable[Report]
) -> Iterator[tuple[Report, Case, Case]]:
    """Each new report with a stored case and the same case as it was measured now."""
    before = {
        (report.topic, report.column, case.name): case for report in stored for case in report.cases
    }
    for report in measured:
        for case in report.cases:
            place = (report.topic, report.column, case.name)
            if place in before:
                yield report, before[place], case


def limit_of(way: str, before: Case, case: Case) -> float:
    """What a way may take now."""
    if way not in before.values:
        return float("inf")
    limit = MARGIN * before.values[way]
    # An amount stands for itself: its base may be nothing, and its ratio anything.
    if not case.is_amount:
        limit *= case.values[case.base] / before.values[case.base]
    return limit + SLACK[case.unit]
