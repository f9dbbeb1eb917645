"""The samples of a data set by their loss, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_multiloss._checks import check_count
from keras_multiloss._messages import unknown_name
from keras_multiloss._optional_packages import check_installed
from keras_multiloss._platform import ops
from keras_multiloss.models._sample_losses import batches, sample_losses
from keras_multiloss.spec import by_name, names_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: A label with more values than this is cut into as many groups of equal size.
MOST_GROUPS = 20


def report(
    model: Any, data: Any, *, top: int | None = 20, by: str | None = None, batch_size: int = 32
) -> Any:
    """The samples with the largest loss first, or the groups: label noise and weak groups.

    It needs pandas.

    Args:
        model: a `MultiLossModel` that is compiled with a total loss.
        data: `(x, y)` or `(x, y, sample_weight)` of arrays or tables, or a data set of such
            batches, which is read once.
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
    x, y, sample_weight = (*given, None, None)[:3]
    check_count(where, "batch_size", batch_size)
    read: dict[Any, list[Any]] = {}
    data = batches(model, x, y, sample_weight, batch_size)
    losses = sample_losses(model, _noted(model, data, read))
    columns = {key: np.concatenate(arrays) for key, arrays in read.items()}
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


def _noted(
    model: Any, data: Iterable[tuple[Any, Any, Any]], read: dict[Any, list[Any]]
) -> Iterator[tuple[Any, Any, Any]]:
    """The batches; `read` gets what of each has one number per sample, by name."""
    names = [tensor.name for tensor in model.inputs] if model.inputs else None
    keys = model.loss.label_keys
    for batch in data:
        inputs, labels, _ = batch
        is_one = labels is not None and not isinstance(labels, (dict, list, tuple))
        by_label = {keys[0]: labels} if is_one and len(keys) == 1 else by_name(labels)
        for key, tensor in {**by_name(inputs, names), **by_label}.items():
            array = np.asarray(ops.convert_to_numpy(tensor))
            if array.size == len(array):
                read.setdefault(key, []).append(array.reshape(-1))
        yield batch


def _by_group(pd: Any, table: Any, values: np.ndarray, by: str) -> Any:
    """The means of groups of samples, with their sizes."""
    groups = pd.Series(values, name=by)
    if groups.nunique() > MOST_GROUPS:
        groups = pd.qcut(groups, MOST_GROUPS, duplicates="drop")
    grouped = table.groupby(groups, observed=True, dropna=False)
    means = grouped.mean()
    means.insert(0, "n_samples", grouped.size())
    return means
