"""The samples of a data set by their loss, as a table."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_multiloss._checks import check_count
from keras_multiloss._messages import unknown_name
from keras_multiloss._optional_packages import check_installed
from keras_multiloss._platform import ops
from keras_multiloss.models._sample_losses import batches, sample_losses
from keras_multiloss.spec import by_name, names_of

#: A label with more values than this is cut into as many groups of equal size.
MOST_GROUPS = 20


def report(
    model: Any, data: Any, *, top: int | None = 20, by: str | None = None, batch_size: int = 32
) -> Any:
    """The samples with the largest loss first, or the groups: label noise and weak groups.

    It needs pandas.

    Args:
        model: a `MultiLossModel` that is compiled with a total loss.
        data: `(x, y)` or `(x, y, sample_weight)` of arrays or tables, or a data set that can be
            read twice: a `tf.data.Dataset`, a `PyDataset`, a list of batches.
        top: how many rows; `None` for all.
        by: the name of a label, or of an input, with one number per sample: there is then a row
            for each of its values instead of one for each sample. Numbers with more than 20
            values are cut into 20 groups of equal size.
        batch_size: of arrays.

    Returns:
        A `pandas.DataFrame`, the largest `loss` first. `loss` is the weighted sum of the terms,
        `<term>_loss` their unweighted losses, NaN where a label was missing. For samples, the index
        is their place in the data, and labels of one number are columns; for groups, the index
        is the value, and `n_samples` how many there are.

    Raises:
        ImportError: without pandas.
        ValueError: if the model is not compiled with a total loss, or nothing is called `by`.

    Example:
        >>> import keras
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> x = keras.Input((1,), name="x")
        >>> zeros = {"kernel_initializer": "zeros"}
        >>> model = kml.MultiLossModel(x, {"age": keras.layers.Dense(1, **zeros)(x)})
        >>> model.compile("sgd", loss=kml.LossTerm("mse", "age"))
        >>> data = np.ones((3, 1)), {"age": np.array([1.0, 3.0, 2.0])}
        >>> kml.report(model, data, top=2)
           loss  age_loss  age
        1   9.0       9.0  3.0
        2   4.0       4.0  2.0
    """
    where = "report"
    check_installed(where, "a report is a table of pandas", "pandas")
    import pandas as pd  # noqa: PLC0415 (an extra)

    is_arrays = isinstance(data, tuple) and len(data) in {2, 3}
    given = data if is_arrays else (data,)
    losses = sample_losses(model, *given, batch_size=batch_size)
    columns = _numbers_of_samples(model, given, batch_size)
    table = pd.DataFrame({f"{name}_loss": values for name, values in losses.items()})
    table.insert(0, "loss", _totals(model, losses))
    if by is not None:
        if by not in columns:
            raise unknown_name(
                where, "`by` is no label or input of one number", by, names_of(columns)
            )
        table = _by_group(pd, table, columns[by], by)
    else:
        labels = {k: v for k, v in columns.items() if k in model.loss.label_keys}
        table = table.assign(**{str(k): v for k, v in labels.items() if k not in table})
    table = table.sort_values("loss", ascending=False, kind="stable")
    return table if top is None else table.head(check_count(where, "top", top))


def _totals(model: Any, losses: dict[str, np.ndarray]) -> np.ndarray:
    """The weighted sum of the terms for each sample."""
    weights = model.term_weights
    tasks = [name for name in losses if name in weights]
    parts = [np.nan_to_num(losses[name]) * np.float32(weights[name]) for name in tasks]
    return np.sum(parts, axis=0)


def _numbers_of_samples(model: Any, data: tuple[Any, ...], batch_size: int) -> dict[Any, Any]:
    """The inputs and labels with one number for each sample, by name."""
    found: dict[Any, list[Any]] = {}
    x, y, sample_weight = (*data, None, None)[:3]
    names = [tensor.name for tensor in model.inputs] if model.inputs else None
    for inputs, labels, _ in batches(model, x, y, sample_weight, batch_size):
        keys = model.loss.label_keys
        is_one = labels is not None and not isinstance(labels, (dict, list, tuple))
        by_label = {keys[0]: labels} if is_one and len(keys) == 1 else by_name(labels)
        for key, tensor in {**by_name(inputs, names), **by_label}.items():
            array = np.asarray(ops.convert_to_numpy(tensor))
            if array.size == len(array):
                found.setdefault(key, []).append(array.reshape(-1))
    return {key: np.concatenate(arrays) for key, arrays in found.items()}


def _by_group(pd: Any, table: Any, values: np.ndarray, by: str) -> Any:
    """The means of groups of samples, with their sizes."""
    groups = pd.Series(values, name=by)
    if groups.nunique() > MOST_GROUPS:
        groups = pd.qcut(groups, MOST_GROUPS, duplicates="drop")
    grouped = table.groupby(groups, observed=True, dropna=False)
    means = grouped.mean()
    means.insert(0, "n_samples", grouped.size())
    return means
