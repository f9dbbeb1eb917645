"""One topic in one lane, as a process of its own: `python -m benchmarks.measure TOPIC FILE`."""

from __future__ import annotations

import argparse
import datetime as dt
import importlib
import os
from pathlib import Path

from benchmarks.machine import accelerator, machine, versions
from benchmarks.results import Report
from benchmarks.timing import Size


def measure(topic: str, lane: str, size: Size, path: Path) -> None:
    """Write a report, anew after each case, so that one that is stopped has what it measured."""
    report = Report(
        topic=topic,
        lane=lane,
        gpu=accelerator(),
        is_reduced=size.reduced,
        date=dt.datetime.now(dt.timezone.utc).date().isoformat(),
        machine=machine(),
        versions=versions(),
    )
    for case in importlib.import_module(f"benchmarks.topics.{topic}").cases(size):
        report.cases.append(case)
        path.write_text(report.to_json(), encoding="utf-8")


def main() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("topic")
    parser.add_argument("path", type=Path)
    parser.add_argument("--lane", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--reduced", action="store_true")
    given = parser.parse_args()
    measure(given.topic, given.lane, Size(given.reduced, given.seconds), given.path)


if __name__ == "__main__":
    main()
