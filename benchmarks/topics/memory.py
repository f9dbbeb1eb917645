"""How a process grows over 1,000 steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.networks import (
    BATCH,
    N_STEPS,
    data,
    network,
    total_loss,
    with_keras,
    with_ours,
)
from benchmarks.processes import alone, megabytes
from benchmarks.timing import Case, Size
from benchmarks.training import Fit

if TYPE_CHECKING:
    from collections.abc import Iterator

N_HEADS, ALL_STEPS = 4, 1000
PEERS = ("compile(loss=dict)",)


def cases(size: Size) -> Iterator[Case]:  # noqa: ARG001 (of every topic)
    grown = {way: [alone(growth, way)] for way in (*PEERS, "ours")}
    yield Case.of("after 1,000 steps", grown, PEERS, unit="MB", is_amount=True)


def growth(way: str) -> float:
    """Megabytes that a process has more, once its buffers are there."""
    x, y = data(N_HEADS)
    if way == "ours":
        model = with_ours(network(N_HEADS), total_loss(N_HEADS))
    else:
        model = with_keras(network(N_HEADS), dict.fromkeys(y, "mse"))
    epochs = ALL_STEPS // N_STEPS + 1
    Fit(model, x, y, batch_size=BATCH, epochs=epochs // 4)()
    before = megabytes("VmRSS")
    Fit(model, x, y, batch_size=BATCH, epochs=epochs)()
    return megabytes("VmRSS") - before
