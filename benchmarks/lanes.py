"""Topics run in the interpreters of the lanes, each in a process that ends in time."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.results import Report, read_report
from benchmarks.suite import LANES, TOPICS

if TYPE_CHECKING:
    from benchmarks.timing import Size

ROOT = Path(__file__).parents[1]


class Outcome(NamedTuple):
    """What came of a topic in a lane.

    Attributes:
        report: what was measured, if anything was.
        problem: why not all of it was.
    """

    report: Report | None
    problem: str | None


def interpreter_of(lane: str) -> Path | None:
    """The Python of a lane, if it is set up."""
    path = ROOT / LANES[lane].folder / "bin" / "python"
    return path if path.exists() else None


def this_lane() -> str:
    """The lane that this interpreter stands for, by the backend that it is set to."""
    return os.environ.get("KERAS_BACKEND", "tensorflow")


def run_topic(
    topic: str, lane: str, size: Size, interpreter: Path | str, seconds: float
) -> Outcome:
    """Measure a topic in a lane, for so many seconds at most."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "report.json")
        command = [interpreter, "-m", "benchmarks.measure", topic, path, "--lane", lane]
        command += ["--seconds", str(size.seconds), *["--reduced"] * size.reduced]
        environ = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **LANES[lane].environ}
        problem = problem_of(command, environ, min(seconds, TOPICS[topic].seconds))
        return Outcome(read_report(path) if path.exists() else None, problem)


def problem_of(command: list[object], environ: dict[str, str], seconds: float) -> str | None:
    """Why a process did not do all it had to, or `None`; what it prints goes to standard error."""
    if seconds <= 0:
        return "skipped, as no time is left"
    arguments = [str(part) for part in command]
    try:
        subprocess.run(
            arguments, check=True, cwd=ROOT, env=environ, timeout=seconds, stdout=sys.stderr
        )
    except subprocess.TimeoutExpired:
        return f"stopped after {seconds:.0f} s"
    except subprocess.CalledProcessError as error:
        return f"failed with status {error.returncode}, see above"
    return None
