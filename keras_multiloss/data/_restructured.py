"""Data of any kind, each of its batches in another structure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss.data._data_kinds import data_kind
from keras_multiloss.data._pydataset import MappedBatches
from keras_multiloss.data._tf_data import element_of, map_dataset, prefetch
from keras_multiloss.spec import batch_without_tables

if TYPE_CHECKING:
    from collections.abc import Callable


def restructured(where: str, data: Any, function: Callable[[Any], Any]) -> Any:
    """The data with each batch passed through a function that only moves its entries.

    Such a function takes the specs of tensors as well as the tensors themselves, so that
    mistakes in a `tf.data.Dataset` are found before it runs.
    """
    kind = data_kind(where, data)
    if kind == "tf.data":
        function(element_of(data))
        return prefetch(map_dataset(data, function))
    if kind == "PyDataset":
        return MappedBatches(data, _Item(function))
    if kind == "generator":
        item = _Item(function)
        return (item(batch) for batch in data)
    return function(batch_without_tables(data))


class _Item:
    """A function whose result is an item of a `PyDataset` or generator: always a tuple."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function

    def __call__(self, batch: Any) -> tuple[Any, ...]:
        item = self.function(batch)
        return item if isinstance(item, tuple) else (item,)
