"""Balanced gradients beside TorchJD and LibMTL's way, on one network in PyTorch.

All combine gradients by UPGrad. LibMTL takes one backward pass for each task over the shared
parameters, lays the gradients end to end, and keeps the graph until the last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torchjd.aggregation import UPGrad
from torchjd.autojac import jac_to_grad, mtl_backward

from benchmarks.machine import accelerator
from benchmarks.networks import warm_up
from benchmarks.timing import Case, Size, interleaved, seconds_of
from benchmarks.topics import balancing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KIND, N_TASKS = "CNN", 8


def cases(size: Size) -> Iterator[Case]:
    warm_up()
    ours = balancing.ways(KIND, N_TASKS)
    peers = {"PyTorch": plain, "TorchJD": torchjd, "TorchJD in turn": in_turn, "LibMTL": libmtl}
    runs = {way: epoch_of(backward) for way, backward in peers.items()} | ours
    for run in runs.values():
        run()
    names = [*peers, *balancing.PEERS[:1]]
    yield Case.of(f"{KIND}, {N_TASKS} tasks", interleaved(runs, 2 * size.seconds), names)


class Network(nn.Module):
    """The network of `balancing` with a convolutional trunk."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[Any] = []
        for n_in, n_out in ((3, 32), (32, 64), (64, 64)):
            layers += [nn.Conv2d(n_in, n_out, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        self.trunk = nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 4 * 4, 128), nn.ReLU())
        n_hidden = balancing.HEAD
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(128, n_hidden), nn.ReLU(), nn.Linear(n_hidden, 1))
            for _ in range(N_TASKS)
        )

    def losses(self, x: Any, y: Any) -> tuple[Any, list[Any]]:
        """The features, and the loss of each task."""
        features = self.trunk(x)
        pairs = zip(self.heads, y.values(), strict=True)
        return features, [nn.functional.mse_loss(head(features), label) for head, label in pairs]


def plain(network: Network, x: Any, y: Any) -> None:
    _, losses = network.losses(x, y)
    sum(losses).backward()


def torchjd(network: Network, x: Any, y: Any, chunk: int | None = None) -> None:
    features, losses = network.losses(x, y)
    mtl_backward(losses, features=features, parallel_chunk_size=chunk)
    jac_to_grad(network.trunk.parameters(), UPGrad())


def in_turn(network: Network, x: Any, y: Any) -> None:
    torchjd(network, x, y, chunk=1)


def libmtl(network: Network, x: Any, y: Any) -> None:
    _, losses = network.losses(x, y)
    shared = list(network.trunk.parameters())
    rows = []
    for loss in losses:
        for parameter in shared:
            parameter.grad = None
        loss.backward(retain_graph=True)
        rows.append(torch.cat([parameter.grad.flatten() for parameter in shared]))
    joined = UPGrad()(torch.stack(rows)).split([parameter.numel() for parameter in shared])
    for parameter, gradient in zip(shared, joined, strict=True):
        parameter.grad = gradient.view_as(parameter)


def epoch_of(backward: Callable[[Network, Any, Any], None]) -> Callable[[], float]:
    """An epoch of steps, as a function that gives the seconds of one."""
    device = "cpu" if accelerator() is None else "cuda"
    network = Network().to(device)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    x, y = balancing.data(KIND, N_TASKS)
    batches = torch.as_tensor(x).movedim(-1, 1).contiguous().split(balancing.BATCHES[KIND])
    labels = {name: torch.as_tensor(label).split(len(batches[0])) for name, label in y.items()}

    def step(i: int) -> None:
        optimizer.zero_grad()
        label = {name: batches[i].to(device) for name, batches in labels.items()}
        backward(network, batches[i].to(device), label)
        optimizer.step()
        network.heads[0][0].bias[0].item()  # waits for the device

    def epoch() -> float:
        return seconds_of(lambda: [step(i) for i in range(len(batches))]) / len(batches)

    return epoch
