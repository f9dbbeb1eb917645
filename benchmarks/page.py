"""The page of the documentation that shows the results."""

from __future__ import annotations

import statistics
import textwrap
from typing import TYPE_CHECKING

from benchmarks.suite import TOPICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.results import Report
    from benchmarks.timing import Case

#: Of lines of the page.
WIDTH = 100

TITLES = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch", "addons": "TensorFlow 2.15"}

HEAD = """\
# Benchmarks

What the library costs beside plain Keras, a training step by hand and other libraries. `make bench`
measured all of it, drew the charts and wrote this page. The numbers are also in
`benchmarks/results.json`.

All ways in a group ran in one process and in turn, so that a change of the machine's speed met all
of them. The first way in a group is shown with the median of its times. The others are shown as
ratios to it: **below 1 is faster**. The ways of this library are bold. A step is one of `fit` in
which a callback reads all logs, without the start of the epoch.
"""

REDUCED = """
```{note}
Some of these numbers are of a short run (`--reduced`), which measures less than `make bench`.
```
"""


def page(reports: Sequence[Report], charts: dict[str, str]) -> str:
    """The Markdown of all topics.

    Args:
        reports: what was measured.
        charts: the path of the chart of each topic, seen from the page.
    """
    parts = [HEAD]
    if any(report.is_reduced for report in reports):
        parts.append(REDUCED)
    for topic in TOPICS:
        found = [report for report in reports if report.topic == topic]
        if found:
            parts.append(section(topic, found, charts.get(topic)))
    return "\n".join([*parts, sources(reports)])


def section(topic: str, reports: Sequence[Report], chart: str | None) -> str:
    """What one topic is about, its chart and its table, between marks that other pages include."""
    about = TOPICS[topic]
    image = f"![{about.title}: bars of the ratios in the table]({chart})\n\n" if chart else ""
    text = textwrap.fill(about.about, WIDTH)
    body = f"<!-- {topic} -->\n\n{image}{table_of(reports)}\n<!-- end of {topic} -->\n"
    return f"## {about.title}\n\n{text}\n\n{body}"


def table_of(reports: Sequence[Report]) -> str:
    """A column for each report, and a row for each way in each case."""
    columns = [title(report) for report in reports]
    lines = [["", "", *columns], ["---", "---", *["---:"] * len(columns)]]
    by_column = [{case.name: case for case in report.cases} for report in reports]
    for name, ways in ways_by_case(reports).items():
        for i, way in enumerate(ways):
            cells = [cell(found.get(name), way) for found in by_column]
            lines.append(["" if i else name, shown_way(reports, name, way), *cells])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def ways_by_case(reports: Iterable[Report]) -> dict[str, list[str]]:
    """All cases of the reports and all ways of each, those that they are compared with first."""
    found: dict[str, list[str]] = {}
    for report in reports:
        for case in report.cases:
            ways = found.setdefault(case.name, [case.base])
            ways += [way for way in case.values if way not in ways]
    return found


def shown_way(reports: Iterable[Report], name: str, way: str) -> str:
    cases = [case for report in reports for case in report.cases if case.name == name]
    is_ours = any(way in case.ours for case in cases)
    return f"**{way}**" if is_ours else way


def cell(case: Case | None, way: str) -> str:
    """The amount of the base, and the ratio of another way."""
    if case is None or way not in case.values:
        return "-"
    if way == case.base or case.is_amount:
        return amount(case.values[way], case.unit)
    return f"{case.ratio(way):.2f}"


def amount(value: float, unit: str) -> str:
    """With three digits that count, and its unit."""
    n_before = len(str(int(abs(value))))
    digits = 0 if unit == "modules" else max(0, 3 - n_before)
    return f"{value:.{digits}f} {unit}"


def title(report: Report) -> str:
    name = TITLES.get(report.lane, report.lane)
    return name if report.gpu is None else f"{name}, {report.gpu}"


def sources(reports: Sequence[Report]) -> str:
    """Each machine with the lanes that it measured, and how sure the numbers are."""
    lanes: dict[str, list[str]] = {}
    for report in reports:
        versions = ", ".join(f"{name} {number}" for name, number in report.versions.items())
        entry = f"- {TITLES.get(report.lane, report.lane)}, {report.date}: {versions}"
        entries = lanes.setdefault(machine_of(report), [])
        if entry not in entries:
            entries.append(entry)
    parts = ["## Machine and versions"]
    for machine, entries in lanes.items():
        parts += [f"{machine}:", "\n".join(entries)]
    return "\n\n".join([*parts, spread_of(reports)]) + "\n"


def machine_of(report: Report) -> str:
    machine = report.machine
    parts = [machine["processor"], f"{machine['cores']} cores", machine["memory"]]
    return ", ".join([*parts, machine["system"], *([report.gpu] if report.gpu else [])])


def spread_of(reports: Sequence[Report]) -> str:
    """A sentence about how sure the numbers are."""
    spreads = [case.spread for report in reports for case in report.cases]
    sentence = (
        "The middle half of the times of a way lay within "
        f"{100 * statistics.median(spreads):.0f}% of their median (in the median group; in the "
        f"worst, within {100 * max(spreads):.0f}%). Differences below that mean nothing."
    )
    return textwrap.fill(sentence, WIDTH)
