"""One data set as each kind of data, and the batches that a kind of data gives."""

import math
from typing import Any

import numpy as np
import pytest

from keras_multiloss._platform import PyDataset
from tests.lanes import needs_tensorflow

KINDS = [pytest.param("tf.data", marks=needs_tensorflow), "arrays", "PyDataset", "generator"]
MERGEABLE_KINDS = [kind for kind in KINDS if kind != "generator"]

BATCH_SIZE = 8


def rows(structure: Any, start: int, stop: int) -> Any:
    """Some of the rows of each array of a structure."""
    if isinstance(structure, dict):
        return {key: rows(value, start, stop) for key, value in structure.items()}
    if isinstance(structure, (list, tuple)):
        return type(structure)(rows(value, start, stop) for value in structure)
    return structure[start:stop]


def n_rows(structure: Any) -> int:
    while isinstance(structure, (dict, list, tuple)):
        entries = structure.values() if isinstance(structure, dict) else structure
        structure = next(iter(entries))
    return len(structure)


class Batches(PyDataset):
    """The rows of arrays in batches; it counts the epochs."""

    def __init__(self, data: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data = data
        self.n_begun = self.n_ended = 0

    def __len__(self) -> int:
        return math.ceil(n_rows(self.data) / BATCH_SIZE)

    def __getitem__(self, index: int) -> Any:
        return rows(self.data, index * BATCH_SIZE, (index + 1) * BATCH_SIZE)

    def on_epoch_begin(self) -> None:
        self.n_begun += 1

    def on_epoch_end(self) -> None:
        self.n_ended += 1


def as_kind(kind: str, data: Any) -> Any:
    """Arrays as a dataset of a kind, in batches."""
    if kind == "tf.data":
        return tf_dataset(data)
    if kind == "PyDataset":
        return Batches(data)
    if kind == "generator":
        batches = Batches(data)
        return (batches[i] for i in range(len(batches)))
    return data


def tf_dataset(data: Any, **batch_arguments: Any) -> Any:
    """Arrays as a tf.data.Dataset, in batches."""
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices(data).batch(BATCH_SIZE, **batch_arguments)


def batches_of(kind: str, data: Any) -> list[Any]:
    """All batches of a dataset, as arrays."""
    if kind == "tf.data":
        return list(data.as_numpy_iterator())
    if kind == "PyDataset":
        return [data[i] for i in range(len(data))]
    return list(data) if kind == "generator" else [data]


def expected_batches(kind: str, data: Any, *, is_dict: bool = False) -> list[Any]:
    """The batches that a dataset of these arrays has to give."""
    if kind == "arrays":
        return [data]
    batches = [rows(data, i, i + BATCH_SIZE) for i in range(0, n_rows(data), BATCH_SIZE)]
    return [(batch,) for batch in batches] if is_dict and kind != "tf.data" else batches


def assert_same(received: Any, expected: Any) -> None:
    """Two structures of arrays are equal, also in dtypes; NaN equals NaN."""
    np.testing.assert_equal(received, expected)
    np.testing.assert_equal(_dtypes(received), _dtypes(expected))


def _dtypes(structure: Any) -> Any:
    if isinstance(structure, dict):
        return {key: _dtypes(value) for key, value in structure.items()}
    if isinstance(structure, (list, tuple)):
        return [_dtypes(value) for value in structure]
    return getattr(structure, "dtype", None)
