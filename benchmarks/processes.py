"""Processes that do one thing, and the memory that they take (on Linux)."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def alone(function: Callable[..., T], *args: object) -> T:
    """The result of a function in a process of its own, which then gives its memory back."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(function, *args).result()


def megabytes(entry: str) -> float:
    """Of this process: `VmRSS` is what it has, `VmHWM` the most that it had."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(entry))


def forget_peak() -> None:
    """Let `VmHWM` start anew, which `ru_maxrss` never does."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
