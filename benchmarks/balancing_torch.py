"""Step time of gradient balancing in PyTorch against plain training, as ratios of medians.

The models of `balancing.py` in plain PyTorch: its own training step against TorchJD, and against
what LibMTL does (a backward pass for each task over the shared parameters, the gradients laid
end to end). All combine gradients by UPGrad of TorchJD, so that they differ in how they get
them. Run it with `make bench-balancing`, or as `python benchmarks/balancing_torch.py [mlp] [cnn]`.
"""

import sys

import torch
from balancing import BATCHES, HEAD, TASKS
from rich.console import Console
from rich.table import Table
from torch import nn
from torchjd.aggregation import UPGrad
from torchjd.autojac import jac_to_grad, mtl_backward
from weightings import N_STEPS, medians

SHAPES = {"mlp": (256,), "cnn": (3, 32, 32)}


def mlp():
    return nn.Sequential(*(layer for _ in range(3) for layer in (nn.Linear(256, 256), nn.ReLU())))


def cnn():
    layers = []
    for n_in, n_out in ((3, 32), (32, 64), (64, 64)):
        layers += [nn.Conv2d(n_in, n_out, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 4 * 4, 128), nn.ReLU())


TRUNKS = {"mlp": (mlp, 256), "cnn": (cnn, 128)}


class Network(nn.Module):
    def __init__(self, kind, n_tasks):
        super().__init__()
        trunk, n_features = TRUNKS[kind]
        self.trunk = trunk()
        heads = (
            nn.Sequential(nn.Linear(n_features, HEAD), nn.ReLU(), nn.Linear(HEAD, 1))
            for _ in range(n_tasks)
        )
        self.heads = nn.ModuleList(heads)

    def losses(self, x, y):
        """The features, and the loss of each task."""
        features = self.trunk(x)
        pairs = zip(self.heads, y, strict=True)
        return features, [nn.functional.mse_loss(head(features), label) for head, label in pairs]


def plain(network, x, y):
    _, losses = network.losses(x, y)
    sum(losses).backward()


def torchjd(network, x, y, chunk=None):
    features, losses = network.losses(x, y)
    mtl_backward(losses, features=features, parallel_chunk_size=chunk)
    jac_to_grad(network.trunk.parameters(), UPGrad())


def torchjd_in_turn(network, x, y):
    torchjd(network, x, y, chunk=1)


def libmtl(network, x, y):
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


WAYS = {
    "plain": plain,
    "TorchJD": torchjd,
    "TorchJD, chunks of 1": torchjd_in_turn,
    "LibMTL's way": libmtl,
}


def trainer(kind, n_tasks, backward):
    """A function that runs some steps."""
    torch.manual_seed(0)
    network = Network(kind, n_tasks)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    x = torch.randn(N_STEPS, BATCHES[kind], *SHAPES[kind])
    y = torch.randn(N_STEPS, n_tasks, BATCHES[kind], 1)

    def run():
        for batch, labels in zip(x, y, strict=True):
            optimizer.zero_grad()
            backward(network, batch, labels)
            optimizer.step()

    return run


def main(kinds):
    table = Table(title="Step time of UPGrad / without balancing, PyTorch")
    for column in ("trunk", "tasks", "plain ms", *list(WAYS)[1:]):
        table.add_column(column, justify="right")
    for kind in kinds:
        for n_tasks in TASKS:
            runs = {way: trainer(kind, n_tasks, backward) for way, backward in WAYS.items()}
            median = medians(runs)
            ratios = (f"{median[way] / median['plain']:.2f}" for way in list(WAYS)[1:])
            table.add_row(kind, str(n_tasks), f"{1000 * median['plain']:.1f}", *ratios)
    Console().print(table)


if __name__ == "__main__":
    main(sys.argv[1:] or TRUNKS)
