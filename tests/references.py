"""The total loss written slowly in NumPy: entry by entry, in float64."""

from collections.abc import Callable

import numpy as np

Value = Callable[[float, float], float]


def squared(label, output):
    return (label - output) ** 2


def binary_crossentropy(label, output):
    return -label * np.log(output) - (1 - label) * np.log(1 - output)


def is_missing(entry, mask):
    return np.isnan(entry) if mask == "nan" else mask is not None and entry == mask


def elementwise(
    value: Value,
    label: np.ndarray,
    output: np.ndarray,
    *,
    mask=None,
    sample_weight=None,
    class_weight=None,
    reduction="sum_over_batch_size",
) -> float:
    """A term whose loss is the mean over the last axis of a function of single entries.

    A sum adds up the means of the rows; the means run over all entries that are there.
    """
    rows, n_entries, weighted, weights = [], 0, 0.0, 0.0
    for row in np.ndindex(label.shape[:-1]):
        in_row = []
        for entry, predicted in zip(label[row], output[row], strict=True):
            if is_missing(entry, mask):
                continue
            weight = 1.0 if sample_weight is None else float(sample_weight[row[0]])
            weight *= 1.0 if class_weight is None else class_weight.get(round(entry), 1.0)
            in_row.append(weight * value(float(entry), float(predicted)))
            weights += weight
        rows.append(np.mean(in_row) if in_row else 0.0)
        n_entries += len(in_row)
        weighted += sum(in_row)
    if reduction == "sum":
        return sum(rows)
    divisor = weights if reduction == "mean_with_sample_weight" else n_entries
    return weighted / divisor if divisor else 0.0


def sparse_crossentropy(
    label: np.ndarray,
    output: np.ndarray,
    *,
    mask=None,
    sample_weight=None,
    class_weight=None,
    reduction="sum_over_batch_size",
) -> float:
    """A term of sparse categorical cross-entropy over probabilities."""
    n_samples, weighted, weights = 0, 0.0, 0.0
    for index in np.ndindex(label.shape):
        number = label[index]
        if is_missing(number, mask):
            continue
        weight = 1.0 if sample_weight is None else float(sample_weight[index[0]])
        weight *= 1.0 if class_weight is None else class_weight.get(int(number), 1.0)
        weighted += weight * -np.log(output[index][int(number)])
        weights += weight
        n_samples += 1
    if reduction == "sum":
        return weighted
    divisor = weights if reduction == "mean_with_sample_weight" else n_samples
    return weighted / divisor if divisor else 0.0


def total(weights, losses) -> float:
    """The sum over terms of weight times loss."""
    return sum(w * loss for w, loss in zip(weights, losses, strict=True))
