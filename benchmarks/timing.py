"""Ways to do one thing, timed in turn."""

from __future__ import annotations

import dataclasses
import itertools
import statistics
import time
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

#: How many rounds there are if time is over before, and how many times as long they may take.
N_ROUNDS, PATIENCE = 3, 5


class Size(NamedTuple):
    """How much is measured.

    Attributes:
        reduced: whether a few cases are enough, as when results are checked.
        seconds: how long a case is measured, beside what is traced and compiled for it.
    """

    reduced: bool = False
    seconds: float = 1.0


@dataclasses.dataclass(frozen=True)
class Case:
    """What several ways to do one thing took.

    Attributes:
        name: what was done; a case is found by it in older results.
        unit: of the values: ms, s, MB or modules.
        values: the median of each way.
        peers: the ways that are not ours. Ratios are to the first.
        spread: half the distance of the quartiles, over the median: the largest of any way.
        is_amount: whether the values say more than their ratios, which may be over nearly nothing.
    """

    name: str
    unit: str
    values: dict[str, float]
    peers: tuple[str, ...]
    spread: float = 0.0
    is_amount: bool = False

    @classmethod
    def of(
        cls,
        name: str,
        measured: Mapping[str, Sequence[float]],
        peers: Sequence[str],
        *,
        unit: str = "ms",
        is_amount: bool = False,
    ) -> Case:
        """The medians of what was measured; seconds become milliseconds where these are asked.

        Peers that were not measured are left out.
        """
        scale = 1000 if unit == "ms" else 1
        values = {way: scale * statistics.median(numbers) for way, numbers in measured.items()}
        spread = max(relative_spread(numbers) for numbers in measured.values())
        there = tuple(peer for peer in peers if peer in measured)
        return cls(name, unit, values, there, spread, is_amount)

    @property
    def base(self) -> str:
        """The way that the others are compared with."""
        return self.peers[0]

    @property
    def ours(self) -> list[str]:
        return [way for way in self.values if way not in self.peers]

    def ratio(self, way: str) -> float:
        """What a way took, over what the base took; infinite where the base took nothing."""
        base = self.values[self.base]
        return self.values[way] / base if base > 0 else float("inf")

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, entry: dict[str, Any]) -> Case:
        return cls(**{**entry, "peers": tuple(entry["peers"])})


def relative_spread(numbers: Sequence[float]) -> float:
    if len(numbers) < 2 or not statistics.median(numbers):
        return 0.0
    low, middle, high = statistics.quantiles(numbers, n=4)
    return (high - low) / 2 / abs(middle)


def interleaved(
    runs: Mapping[str, Callable[[], float]], seconds: float, n_rounds: int = N_ROUNDS
) -> dict[str, list[float]]:
    """What each run returns, round by round for some seconds; every other round goes backwards."""
    measured: dict[str, list[float]] = {way: [] for way in runs}
    start = time.perf_counter()
    for n in itertools.count(1):
        for way in list(runs)[:: 1 if n % 2 else -1]:
            measured[way].append(runs[way]())
        if time.perf_counter() - start >= seconds * (1 if n >= n_rounds else PATIENCE):
            break
    return measured


def seconds_of(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
