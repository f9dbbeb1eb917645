"""Tables and columns of pandas, taken by their names, as arrays."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_multiloss._messages import error, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable

#: The kinds of NumPy dtypes that are numbers: truth values, integers, and floating point.
NUMBERS = "biuf"


def is_table(data: Any) -> bool:
    """Whether it is a `pandas.DataFrame`; there is none before pandas was imported."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(data, pandas.DataFrame)


def columns_of(table: Any) -> dict[Any, Any]:
    """The columns of a table as arrays, by name."""
    return {name: plain_array(table[name]) for name in table.columns}


def without_tables(structure: Any) -> Any:
    """A structure with its tables as dicts of columns, and its columns as arrays."""
    if isinstance(structure, dict):
        return {name: without_tables(entry) for name, entry in structure.items()}
    if type(structure) in {list, tuple}:
        return type(structure)(without_tables(entry) for entry in structure)
    return columns_of(structure) if is_table(structure) else plain_array(structure)


def batch_without_tables(batch: Any) -> Any:
    """A batch `(x, y)` or `(x, y, sample_weight)` of arrays: labels and weights of a table by name.

    A table of inputs is one matrix, as for Keras.
    """
    if not isinstance(batch, (tuple, list)) or len(batch) not in {2, 3}:
        return batch
    x, *rest = batch
    return (x.to_numpy() if is_table(x) else without_tables(x), *map(without_tables, rest))


def labels_of_table(table: Any, keys: Iterable[Any]) -> Any:
    """The labels in a table: a dict by name, or all columns as the only label.

    A column of much the same name as the only label is a misspelt one, and goes by name.

    Args:
        table: of pandas.
        keys: the names of the labels that are asked for.
    """
    keys = list(keys)
    columns = columns_of(table)
    is_named = len(keys) != 1 or suggestion(keys[0], columns, cutoff=0.8) is not None
    if not is_named:
        return np.stack(list(columns.values()), axis=-1)
    return columns


def plain_array(column: Any) -> Any:
    """A column of pandas as a NumPy array, `NaN` where a number is missing; others as they are."""
    pandas = sys.modules.get("pandas")
    if pandas is None or not isinstance(column, (pandas.Series, pandas.Index)):
        return column
    dtype = column.dtype
    is_nullable = pandas.api.types.is_extension_array_dtype(dtype)
    if is_nullable and pandas.api.types.is_numeric_dtype(dtype) and column.isna().any():
        return column.to_numpy(dtype="float64", na_value=np.nan)
    if is_nullable and pandas.api.types.is_bool_dtype(dtype) and not column.isna().any():
        return column.to_numpy(dtype="bool")
    return column.to_numpy(dtype=getattr(dtype, "numpy_dtype", None))


def check_is_of_numbers(where: str, what: str, array: Any) -> None:
    """Raise for an array of text, dates or objects.

    Args:
        where: the name of the caller, for errors.
        what: how messages call the array.
        array: anything; what is no NumPy array passes.
    """
    if isinstance(array, np.ndarray) and array.dtype.kind not in NUMBERS:
        raise error(
            ValueError,
            where,
            f"{what} does not hold numbers",
            expected="numbers; class numbers for text",
            received=f"an array of dtype {array.dtype}, which begins with {list(array.flat[:3])}",
            hint=_how_to_get_numbers(array),
        )


def _how_to_get_numbers(array: np.ndarray) -> str:
    """What turns an array of objects into numbers."""
    if array.dtype.kind not in "OUST":
        return "give it as a number, such as the days since a date"
    if any(isinstance(value, str) for value in array.flat[:100]):
        return "class numbers: `numbers, names = pandas.factorize(column)`"
    return "`numpy.asarray(column, 'float32')` turns `None` into NaN, which `mask='nan'` leaves out"
