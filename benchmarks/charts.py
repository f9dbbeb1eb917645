"""Bars of the ratios of a topic, one panel for each lane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.page import amount, title, ways_by_case

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.results import Report
    from benchmarks.timing import Case

OURS, BASE, PEER = "#1f77b4", "#555555", "#b5b5b5"
BAR, GAP, PANEL = 0.21, 1.6, 4.2  # inches of a bar, bars between cases, inches of a panel
LONGEST = 4.0  # a longer bar ends there; the number beside it says how long it is

#: Text stays text, and files are the same for the same numbers.
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "benchmarks",
    "font.size": 9,
    "font.family": "sans-serif",
}


def draw(reports: Sequence[Report], path: Path) -> None:
    """Write the chart of a topic as SVG."""
    cases = ways_by_case(reports)
    n_bars = sum(len(ways) + GAP for ways in cases.values())
    size = (1.6 + PANEL * len(reports), 0.8 + BAR * n_bars)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained", facecolor="white")
        panels = figure.subplots(1, len(reports), sharey=True, squeeze=False)[0]
        for axes, report in zip(panels, reports, strict=True):
            draw_report(axes, report, cases)
        label_bars(panels[0], cases)
        figure.savefig(path, metadata={"Date": None})


def draw_report(axes: Any, report: Report, cases: dict[str, list[str]]) -> None:
    found = {case.name: case for case in report.cases}
    for name, way, place in places(cases):
        case = found.get(name)
        if case is not None and way in case.values:
            draw_bar(axes, case, way, place)
    axes.set_title(title(report), fontsize=10)
    axes.axvline(1, color=BASE, linewidth=0.8, linestyle=":")
    axes.set_xlim(0, 1.25 * max((b.get_width() for b in axes.patches), default=1))
    axes.set_xticks([])
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.tick_params(length=0)


def draw_bar(axes: Any, case: Case, way: str, place: float) -> None:
    """As long as its ratio, or its share of the largest amount."""
    largest = max(*case.values.values(), 1e-9)
    ratio = case.values[way] / largest if case.is_amount else case.ratio(way)
    width = min(max(ratio, 0.0), LONGEST)
    colour = OURS if way in case.ours else BASE if way == case.base else PEER
    axes.barh(place, width, height=0.8, color=colour)
    is_amount = case.is_amount or way == case.base
    text = amount(case.values[way], case.unit) if is_amount else f"{ratio:.2f}"
    axes.annotate(text, (width, place), (3, 0), textcoords="offset points", va="center")


def places(cases: dict[str, list[str]]) -> list[tuple[str, str, float]]:
    """The case, the way and the height of each bar, from the top down."""
    found, place = [], 0.0
    for name, ways in cases.items():
        place += GAP
        for way in ways:
            found.append((name, way, place))
            place += 1
    return found


def label_bars(axes: Any, cases: dict[str, list[str]]) -> None:
    rows = places(cases)
    axes.set_yticks([place for _, _, place in rows], [way for _, way, _ in rows])
    axes.set_ylim(max(place for _, _, place in rows) + 0.8, 0)
    for name in cases:
        top = min(place for case, _, place in rows if case == name)
        axes.annotate(
            name, (0, top - 0.9), (2, 0), textcoords="offset points", weight="bold", va="center"
        )
