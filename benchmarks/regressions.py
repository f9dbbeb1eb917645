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
        column: the lane, and whether on a GPU.
        case: the name of the case.
        way: which of ours.
        unit: of the value.
        stored: the ratio to the base in the stored results.
        ratio: the one that was measured now.
        value: what the way took.
        limit: what it may take here, beside the base as it was measured now.
    """

    topic: str
    column: str
    case: str
    way: str
    unit: str
    stored: float
    ratio: float
    value: float
    limit: float


def regressions(stored: Iterable[Report], measured: Iterable[Report]) -> list[Regression]:
    """All ways of ours that exceed their limits; what is not in both is not compared."""
    return [
        Regression(new.topic, new.column, case.name, way, case.unit, *limits)
        for new, old, case, before in pairs_of_cases(stored, measured)
        for way in case.ours
        if way in before.values
        for limits in exceeded(before, case, way)
    ]


def pairs_of_cases(
    stored: Iterable[Report], measured: Iterable[Report]
) -> Iterator[tuple[Report, Report, Case, Case]]:
    """A new report and the stored one of its topic and column; a case of the new and of the old."""
    reports = {(report.topic, report.column): report for report in stored}
    for new in measured:
        old = reports.get((new.topic, new.column))
        before = {} if old is None else {case.name: case for case in old.cases}
        for case in new.cases:
            if old is not None and case.name in before:
                yield new, old, case, before[case.name]


def exceeded(before: Case, case: Case, way: str) -> list[tuple[float, float, float, float]]:
    """The stored ratio, the new one, the value and its limit; nothing if the value is within it."""
    base, old_base = (max(c.values[c.base], 0.0) for c in (case, before))
    allowed = MARGIN * before.values[way]
    # An amount stands for itself: its base may be nothing, and its ratio anything.
    if not case.is_amount and old_base:
        allowed *= base / old_base
    limit = allowed + SLACK[case.unit]
    value = case.values[way]
    return [(before.ratio(way), case.ratio(way), value, limit)] if value > limit else []
