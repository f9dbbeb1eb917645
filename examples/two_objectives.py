"""Two objectives that conflict: which rules reach the Pareto front, and from where?

Each objective has a narrow valley in the upper half of the plane and a bowl in the lower half. The
first is ten times as flat as the second. From five starts the rules of `kml.aggregation` combine
the two gradients, and Adam takes the steps. Below the valleys lies the Pareto front: points at
which no step improves one objective without making the other worse.

The problem is that of Liu et al., "Conflict-averse gradient descent for multi-task learning",
NeurIPS 2021, with the first objective scaled as in Navon et al., "Multi-task learning as a
bargaining game", ICML 2022. It runs on TensorFlow.
"""

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
import tensorflow as tf
from keras import ops
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap
from rich.console import Console
from rich.progress import track
from rich.table import Table

from keras_multiloss import aggregation

STARTS = [(-8.5, 7.5), (0.0, 0.0), (9.0, 9.0), (-7.5, -0.5), (9.0, -1.0)]

LEARNING_RATE = 1e-3
STEPS_PER_POINT = 250

#: From orange to blue; the colours before orange are too light to see.
COLOURS = ListedColormap(mpl.colormaps["plasma_r"](np.linspace(0.17, 1, 256)))

#: Ends closer to the front than this have reached it.
TOLERANCE = 0.1

#: Left out: to Adam, `Sum` and `Constant` are `Mean`, and `Random` is on average; `Krum` and
#: `TrimmedMean` need three tasks, `GradNorm` and `DBMTL` positive losses, `CRMOGM` another rule.
RULES = {
    "Mean": aggregation.Mean(),
    "GradDrop": aggregation.GradDrop(seed=0),
    "GradVac": aggregation.GradVac(seed=0),
    "PCGrad": aggregation.PCGrad(seed=0),
    "CAGrad": aggregation.CAGrad(),
    "DualProj": aggregation.DualProj(),
    "UPGrad": aggregation.UPGrad(),
    "ExcessMTL": aggregation.ExcessMTL(),
    "FairGrad, alpha=2": aggregation.FairGrad(alpha=2.0),
    "ConFIG": aggregation.ConFIG(),
    "MGDA": aggregation.MGDA(),
    "MoCo": aggregation.MoCo(),
    "PCD": aggregation.PCD(),
    "IMTLG": aggregation.IMTLG(),
    "NashMTL": aggregation.NashMTL(),
    "AlignedMTL": aggregation.AlignedMTL(),
}


def objectives(x1, x2):
    """Both objectives at points of the plane."""
    upper = ops.maximum(ops.tanh(x2 / 2), 0.0)
    lower = ops.maximum(-ops.tanh(x2 / 2), 0.0)
    distances = [(-x1 - 7) / 2 + ops.tanh(x2), (3 - x1) / 2 - ops.tanh(x2) + 2]
    valleys = [ops.log(ops.maximum(ops.abs(d), 5e-6)) + 6 for d in distances]
    bowls = [((x1 - c) ** 2 + 0.1 * (x2 + 8) ** 2) / 10 - 20 for c in (7, -7)]
    first, second = (upper * v + lower * b for v, b in zip(valleys, bowls, strict=True))
    return 0.1 * first, second


def jacobian(x):
    """The gradients of both objectives at a point, as rows."""
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        found = objectives(x[0], x[1])
    return ops.stack([tape.gradient(f, x) for f in found])


def front(n_points=141):
    """Points `(n, 2)` of the Pareto front: there the two gradients point against each other."""
    x1 = np.linspace(-7, 7, n_points, dtype="float32")
    x2 = np.linspace(-8.6, -8.2, 401, dtype="float32")
    x = tf.constant(np.stack(np.meshgrid(x1, x2)))
    (a1, a2), (b1, b2) = jacobian(x).numpy()
    return np.stack([x1, x2[np.abs(a1 * b2 - a2 * b1).argmin(axis=0)]], axis=1)


def stretch(rule):
    """A compiled function that takes `STEPS_PER_POINT` steps of Adam along what a rule gives."""

    def step(_, carried):
        n_before, x, mean, square, state = carried
        gradients = jacobian(x)
        seen = gradients if rule.needs_jacobian else gradients @ ops.transpose(gradients)
        state = rule.advance(seen, None, state)
        gradient = rule.combine(gradients, state)
        n_steps = n_before + 1.0
        mean = mean + 0.1 * (gradient - mean)
        square = square + 0.001 * (gradient**2 - square)
        unbiased = square / (1.0 - 0.999**n_steps)
        x = x - LEARNING_RATE * mean / (1.0 - 0.9**n_steps) / (ops.sqrt(unbiased) + 1e-7)
        return n_steps, x, mean, square, {**state, "step": state["step"] + 1}

    @tf.function(jit_compile=True, autograph=False)
    def steps(*carried):
        return ops.fori_loop(0, STEPS_PER_POINT, step, carried)

    return steps


def paths(rule, n_steps):
    """The way from each start, a point each `STEPS_PER_POINT` steps: `(starts, points, 2)`."""
    steps = stretch(rule)
    found = []
    for start in STARTS:
        x = tf.constant(start)
        carried = (tf.constant(0.0), x, 0 * x, 0 * x, rule.starting_state(2, 2))
        points = [start]
        for _ in range(n_steps // STEPS_PER_POINT):
            carried = steps(*carried)
            points.append(carried[1].numpy())
        found.append(points)
    return np.array(found)


def distances_to_front(path):
    """How far the ends of paths are from the front."""
    return np.linalg.norm(path[:, -1, None] - front(), axis=-1).min(axis=-1)


def is_reached(path):
    """Which of some paths end on the front."""
    return distances_to_front(path) < TOLERANCE


def table_of(found):
    """For each rule and start a mark if the front was reached, else the distance left."""
    table = Table(title=f"Distance to the front at the end; ✓: below {TOLERANCE}")
    table.add_column("rule", no_wrap=True)
    for start in STARTS:
        table.add_column("({:g}, {:g})".format(*start), justify="right", no_wrap=True)
    for name, path in found.items():
        cells = ("✓" if d < TOLERANCE else f"{d:.1f}" for d in distances_to_front(path))
        table.add_row(name, *cells)
    return table


def finding(found):
    """What the table says, in two sentences."""
    n_reached = {name: is_reached(path).sum() for name, path in found.items()}
    all_starts = [name for name, n in n_reached.items() if n == len(STARTS)]
    plain = (
        f"Equal weights reach the front from {n_reached['Mean']} of {len(STARTS)} starts. "
        if "Mean" in n_reached
        else ""
    )
    return f"{plain}From every start it is reached by: {', '.join(all_starts) or 'no rule'}."


def draw(path, found):
    """Small multiples, a panel for each rule."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt  # noqa: PLC0415 (after the choice of the backend)

    n_columns = min(4, len(found))
    n_rows = -(-len(found) // n_columns)
    figure, axes = plt.subplots(
        n_rows,
        n_columns,
        figsize=(2.5 * n_columns, 2.65 * n_rows + 0.7),
        squeeze=False,
        layout="constrained",
    )
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, (name, ways) in zip(axes.flat, found.items(), strict=False):
        colours = draw_panel(axis, name, ways)
    bar = figure.colorbar(colours, ax=axes, location="bottom", shrink=0.4, aspect=40, ticks=[0, 1])
    bar.ax.set_xticklabels(["first step", "last step"])
    figure.savefig(path, dpi=100)
    plt.close(figure)


def draw_panel(axis, name, ways):
    """The mean objective, the front, and the ways of one rule; gives what has the colours."""
    side = np.linspace(-11, 11, 331, dtype="float32")
    plane = np.meshgrid(side, side)
    mean = sum(ops.convert_to_numpy(f) for f in objectives(*plane)) / 2
    levels = np.quantile(mean, np.linspace(0, 1, 16))
    axis.contour(*plane, mean, levels=levels, colors="0.8", linewidths=0.6, linestyles="solid")
    axis.plot(*front().T, color="black", linewidth=3, solid_capstyle="butt")
    for way in ways:
        lines = LineCollection(np.stack([way[:-1], way[1:]], axis=1), cmap=COLOURS)
        lines.set(array=np.linspace(0, 1, len(way) - 1), clim=(0, 1), linewidth=1.8)
        axis.add_collection(lines)
    axis.plot(*np.array(STARTS).T, "o", color="white", markeredgecolor="black", markersize=5)
    near = is_reached(ways)
    axis.plot(*ways[near, -1].T, "o", color="tab:green", markersize=7)
    axis.plot(*ways[~near, -1].T, "X", color="red", markersize=7)
    axis.set(title=f"{name}: {near.sum()} of {len(STARTS)}", xticks=[], yticks=[], aspect="equal")
    axis.set_axis_on()
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=50_000)
    parser.add_argument("--rules", nargs="+", choices=RULES, default=list(RULES), metavar="RULE")
    parser.add_argument("--out", type=Path, default=Path("demo/two_objectives.png"))
    arguments = parser.parse_args()

    names = track(arguments.rules, "Rules", transient=True)
    found = {name: paths(RULES[name], arguments.steps) for name in names}
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    draw(arguments.out, found)
    console = Console()
    console.print(table_of(found))
    console.print(finding(found), highlight=False)
    console.print(f"Picture: {arguments.out}", highlight=False)


if __name__ == "__main__":
    main()
