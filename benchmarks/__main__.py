"""Measure in all lanes, and write or check the results: `python -m benchmarks --help`."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

from benchmarks.lanes import ROOT, interpreter_of, run_topic, this_lane
from benchmarks.page import page, table_of
from benchmarks.regressions import compared, regressions
from benchmarks.results import Report, merged, read_reports, write_reports
from benchmarks.suite import LANES, TOPICS
from benchmarks.timing import Size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.regressions import Regression

    #: A topic, a lane and its interpreter.
    Run = tuple[str, str, Path]

RESULTS = ROOT / "benchmarks" / "results.json"
PAGE = ROOT / "docs" / "explanation" / "benchmarks.md"
CHARTS = ROOT / "docs" / "_static" / "benchmarks"

console = Console()


def main() -> int:
    given = arguments()
    size = Size(given.reduced or given.check, given.seconds)
    start = time.monotonic()
    end = start + 60 * given.minutes
    runs = [*runs_of(given)]
    reports, problems = measured(runs, size, end)
    stored = read_reports(RESULTS)
    if given.check:
        found = confirmed(stored, reports, lambda again: measured(again, size, end)[0], runs)
        return checked(stored, reports, found, problems)
    write_reports(RESULTS, merged(stored, reports))
    show(read_reports(RESULTS))
    console.print(f"{PAGE.relative_to(ROOT)} is written, after {time.monotonic() - start:.0f} s.")
    for problem in problems:
        console.print(problem)
    return 1 if problems else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--topics", nargs="*", choices=TOPICS, default=[*TOPICS])
    parser.add_argument("--lanes", nargs="*", choices=LANES, default=[*LANES])
    parser.add_argument("--reduced", action="store_true", help="fewer cases")
    parser.add_argument("--seconds", type=float, default=Size().seconds, help="of a case")
    parser.add_argument("--minutes", type=float, default=10, help="after which topics are left out")
    parser.add_argument(
        "--check", action="store_true", help="compare with the stored results, and write nothing"
    )
    parser.add_argument(
        "--here",
        action="store_true",
        help="with this interpreter and KERAS_BACKEND, as where the backend has a GPU",
    )
    return parser.parse_args()


def runs_of(given: argparse.Namespace) -> Iterator[Run]:
    """Each topic with a lane and its interpreter; a lane that is not set up is left out."""
    for lane in [this_lane()] if given.here else given.lanes:
        interpreter = Path(sys.executable) if given.here else interpreter_of(lane)
        topics = [topic for topic in given.topics if lane in TOPICS[topic].lanes]
        if interpreter is None:
            console.print(f"{lane}: skipped, as {LANES[lane].folder} is not set up")
            continue
        yield from ((topic, lane, interpreter) for topic in topics)


def measured(runs: list[Run], size: Size, end: float) -> tuple[list[Report], list[str]]:
    """The reports of all runs until an end, and what went wrong."""
    reports, problems = [], []
    for topic, lane, interpreter in runs:
        start = time.monotonic()
        report, problem = run_topic(topic, lane, size, interpreter, end - start)
        console.rule(f"{TOPICS[topic].title}, {lane}, {time.monotonic() - start:.0f} s")
        if report is not None:
            console.print(Markdown(table_of([report])))
            reports.append(report)
        if problem is not None:
            problems.append(f"{topic}, {lane}: {problem}")
            console.print(problem)
    return reports, problems


def show(reports: list[Report]) -> None:
    """Draw the charts and write the page."""
    from benchmarks.charts import draw

    CHARTS.mkdir(parents=True, exist_ok=True)
    charts = {}
    for topic in TOPICS:
        found = [report for report in reports if report.topic == topic]
        if found:
            draw(found, CHARTS / f"{topic}.svg")
            charts[topic] = f"../_static/benchmarks/{topic}.svg"
    PAGE.write_text(page(reports, charts), encoding="utf-8")


def confirmed(
    stored: list[Report],
    reports: list[Report],
    measure: Callable[[list[Run]], list[Report]],
    runs: list[Run],
) -> list[Regression]:
    """What takes too long also when its topic is measured once more: a machine may be busy."""
    found = regressions(stored, reports)
    again = {(report.topic, report.lane) for report in found}
    second = measure([run for run in runs if run[:2] in again])
    still = {r[:4] for r in regressions(stored, second)}
    return [r for r in found if r[:4] in still]


def checked(
    stored: list[Report], reports: list[Report], found: list[Regression], problems: list[str]
) -> int:
    """Say what was compared and what takes longer; 1 if anything does, or nothing was compared."""
    n_cases = len([*compared(stored, reports)])
    console.rule("Compared with benchmarks/results.json")
    console.print(f"{n_cases} cases compared, {len(found)} of our ways take longer than they may.")
    if found:
        console.print(table_of_regressions(found))
    for problem in problems:
        console.print(problem)
    return 1 if found or problems or not n_cases else 0


def table_of_regressions(found: list[Regression]) -> Table:
    table = Table("topic", "lane", "case", "way", "ratio before", "now", "took", "may take")
    for r in found:
        ends = (f"{r.stored:.2f}", f"{r.ratio:.2f}", f"{r.value:.3g} {r.unit}", f"{r.limit:.3g}")
        table.add_row(r.topic, r.lane, r.case, r.way, *ends)
    return table


if __name__ == "__main__":
    sys.exit(main())
