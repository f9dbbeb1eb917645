"""Which weights? One network, three tasks in three units, and eleven ways to weigh them.

The data describe diamonds: their weight, width, clarity and so on. One small network
predicts the price in dollars, the depth in percent and the cut, one of five grades. At the
start the squared error of the price is millions of times the other two losses. Fixed
weights and the rules of `kml.weighting` are trained from the same seeds and judged on
held-out diamonds.

Price and depth are judged by the mean absolute error in the unit of the label, the cut by the
percentage that is right. The last column is the mean over the tasks of the error divided by
that of a constant guess, so that guessing scores 1; it does not depend on the weights.
"""

import argparse
from functools import partial

import keras
import numpy as np
from plotnine.data import diamonds as stones
from rich.console import Console
from rich.table import Table

import keras_multiloss as kml
from keras_multiloss import weighting

TASKS = ["price", "depth", "cut"]
N_DIAMONDS, N_VALIDATION, N_TEST = 8000, 1000, 2000

EQUAL = {"price": 1.0, "depth": 1.0, "cut": 1.0}
# Found by `tuning_weights.py` on the validation set, which no other row of the table sees.
TUNED = {"price": 2.0e-07, "depth": 7.1e00, "cut": 1.0}


def diamonds():
    """`(x, y)` for training, validation and test; `y` in dollars, percent and grades 0 to 4."""
    measured = stones[(stones[["x", "y", "z"]] > 0).all(axis=1)]  # 0 mm: not measured
    sample = measured.sample(N_DIAMONDS, random_state=0)
    columns = [sample[name] for name in ("carat", "table", "x", "y")]
    grades = [sample[name].cat.codes for name in ("color", "clarity")]
    x = np.stack([*columns, *grades], axis=1).astype("float32")
    y = {name: sample[[name]].to_numpy("float32") for name in ("price", "depth")}
    y["cut"] = sample["cut"].cat.codes.to_numpy("int32")[:, None]
    ends = np.cumsum([N_DIAMONDS - N_VALIDATION - N_TEST, N_VALIDATION, N_TEST])
    return [
        (x[start:end], {name: label[start:end] for name, label in y.items()})
        for start, end in zip([0, *ends], ends, strict=False)
    ]


def inverse_variances(y):
    """The weights under which a constant guess costs 1 for each of the two regressions."""
    return {"price": 1 / y["price"].var(), "depth": 1 / y["depth"].var(), "cut": 1.0}


def build_model(x, y):
    """Two shared layers and a head for each task, whose outputs have the units of the labels."""
    inputs = keras.Input(x.shape[1:], name="diamond")
    shared = keras.layers.Normalization(mean=x.mean(axis=0), variance=x.var(axis=0))(inputs)
    for _ in range(2):
        shared = keras.layers.Dense(32, activation="relu")(shared)
    outputs = {"cut": keras.layers.Dense(5, activation="softmax", name="cut")(shared)}
    for name in ("price", "depth"):
        unit = keras.layers.Rescaling(float(y[name].std()), float(y[name].mean()), name=name)
        outputs[name] = unit(keras.layers.Dense(1)(shared))
    return kml.MultiLossModel(inputs, outputs)


def compiled_model(x, y, weights, rule=None):
    """A new model whose terms have these weights, times those that a rule sets."""
    losses = {"price": "mse", "depth": "mse", "cut": "sparse_categorical_crossentropy"}
    terms = [kml.LossTerm(losses[name], name, weight=float(weights[name])) for name in TASKS]
    model = build_model(x, y)
    model.compile(
        keras.optimizers.Adam(0.01),
        loss=kml.WeightedSumLoss(terms, weighting=rule),
    )
    return model


def scores(model, x, y):
    """The four columns of the table, for one model."""
    predicted = {name: keras.ops.convert_to_numpy(output) for name, output in model(x).items()}
    price, depth = (np.abs(predicted[name] - y[name]).mean() for name in ("price", "depth"))
    accuracy = (predicted["cut"].argmax(axis=-1) == y["cut"][:, 0]).mean()
    guess = [np.abs(y[name] - np.median(y[name])).mean() for name in ("price", "depth")]
    most_frequent = np.bincount(y["cut"][:, 0]).max() / len(y["cut"])
    relative = [price / guess[0], depth / guess[1], (1 - accuracy) / (1 - most_frequent)]
    return np.array([price, depth, 100 * accuracy, np.mean(relative)])


def candidates(y):
    """For each name: the weights of the terms, and a function that makes the rule."""
    scaled = inverse_variances(y)
    uncertainty = partial(weighting.UncertaintyWeighting, classification=["cut"])
    fixed = {
        "equal": (EQUAL, lambda: None),
        "1 / variance of label": (scaled, lambda: None),
        "tuned on validation": (TUNED, lambda: None),
    }
    moving = {
        "uncertainty": (EQUAL, uncertainty),
        "uncertainty, scaled": (scaled, uncertainty),
        "impartial (IMTL-L)": (EQUAL, weighting.ImpartialLossWeighting),
        "dynamic average (DWA)": (EQUAL, weighting.DynamicWeightAverage),
        "FAMO": (EQUAL, weighting.FamoWeighting),
        "random": (EQUAL, weighting.RandomLossWeighting),
        "geometric mean": (EQUAL, weighting.GeometricMeanWeighting),
        "ReLoBRaLo": (EQUAL, weighting.RelobraloWeighting),
    }
    return fixed, moving


def compare(choices, training, test, epochs, n_seeds):
    """For each name of `choices` the scores on test data, `(n_seeds, 4)`."""
    results = {}
    for name, (weights, make_rule) in choices.items():
        rows = []
        for seed in range(n_seeds):
            keras.utils.set_random_seed(seed)
            model = compiled_model(*training, weights, make_rule())
            model.fit(*training, batch_size=64, epochs=epochs, verbose=0)
            rows.append(scores(model, *test))
        results[name] = np.array(rows)
    return results


def table_of(fixed, moving, n_seeds):
    """Each task's metric, mean and standard deviation over the seeds."""
    table = Table(title=f"Held-out diamonds, mean ± sd over {n_seeds} seeds")
    table.add_column("weighting", no_wrap=True)
    for column in ("price, $", "depth, %", "cut, %", "error"):
        table.add_column(column, justify="right", no_wrap=True)
    for results in (fixed, moving):
        for name, rows in results.items():
            cells = zip(rows.mean(axis=0), rows.std(axis=0, ddof=1), (0, 2, 1, 3), strict=True)
            table.add_row(name, *(f"{mean:.{n}f} ± {sd:.{n}f}" for mean, sd, n in cells))
        table.add_section()
    return table


def finding(fixed, moving):
    """What the table says, in two sentences."""
    errors = {name: rows[:, -1] for name, rows in {**fixed, **moving}.items()}
    mean = {name: values.mean() for name, values in errors.items()}
    best_fixed, best_rule = min(fixed, key=mean.get), min(moving, key=mean.get)
    winner = min(best_fixed, best_rule, key=mean.get)
    gap = abs(mean[best_fixed] - mean[best_rule])
    is_noise = gap <= sum(errors[name].std(ddof=1) for name in (best_fixed, best_rule))
    middle = (mean["equal"] + mean[winner]) / 2
    idle = [name for name in moving if mean[name] > middle]
    return (
        f"The error of the best fixed weights ({best_fixed}) and of the best rule ({best_rule}) "
        f"differ by {gap:.3f}, {'within' if is_noise else 'beyond'} the spread over seeds; "
        f"{winner} is ahead. Of the {len(moving)} rules, {len(idle)} stay nearer to equal weights "
        f"than to the best{': ' if idle else ''}{', '.join(idle)}."
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=3, help="2 or more")
    arguments = parser.parse_args()

    training, _, test = diamonds()
    results = [
        compare(choices, training, test, arguments.epochs, arguments.seeds)
        for choices in candidates(training[1])
    ]
    console = Console()
    console.print(table_of(*results, arguments.seeds))
    console.print(finding(*results), highlight=False)


if __name__ == "__main__":
    main()
