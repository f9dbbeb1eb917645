"""Reports, and the file that they are kept in."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from benchmarks.timing import Case

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclasses.dataclass
class Report:
    """What one topic gave in one lane, and where."""

    topic: str
    lane: str
    gpu: str | None
    is_reduced: bool
    date: str
    machine: dict[str, str]
    versions: dict[str, str]
    cases: list[Case] = dataclasses.field(default_factory=list)

    @property
    def column(self) -> str:
        """The lane, and whether it is that of a GPU: reports of one column replace each other."""
        return self.lane if self.gpu is None else f"{self.lane}, GPU"

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=1)

    @classmethod
    def from_json(cls, entry: dict[str, Any]) -> Report:
        return cls(**{**entry, "cases": [Case.from_json(case) for case in entry["cases"]]})


def read_report(path: Path) -> Report:
    return Report.from_json(json.loads(path.read_text(encoding="utf-8")))


def read_reports(path: Path) -> list[Report]:
    """All reports of a file; none if it is not there."""
    if not path.exists():
        return []
    return [Report.from_json(entry) for entry in json.loads(path.read_text(encoding="utf-8"))]


def write_reports(path: Path, reports: Iterable[Report]) -> None:
    entries = [dataclasses.asdict(report) for report in reports]
    path.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")


def merged(old: Iterable[Report], new: Iterable[Report]) -> list[Report]:
    """Of each topic and column the newest report, in the order of their first."""
    by_place = {(report.topic, report.column): report for report in [*old, *new]}
    return [*by_place.values()]
