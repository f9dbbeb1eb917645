"""Batches of a `PyDataset`, changed one by one, or one dataset after another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._platform import PyDataset, number_of_batches, worker_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class MappedBatches(PyDataset):
    """A dataset whose batches pass through a function.

    It has the length, the epochs and the workers of the dataset it reads.

    Args:
        dataset: a `PyDataset`.
        function: from batch to batch; it can be pickled, as worker processes need it.
    """

    def __init__(self, dataset: Any, function: Callable[[Any], Any]) -> None:
        super().__init__(**worker_settings([dataset]))
        self.dataset = dataset
        self.function = function

    @property
    def num_batches(self) -> int | None:
        return number_of_batches(self.dataset)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        return self.function(self.dataset[index])

    def on_epoch_begin(self) -> None:
        self.dataset.on_epoch_begin()

    def on_epoch_end(self) -> None:
        self.dataset.on_epoch_end()


class ChainedBatches(PyDataset):
    """The batches of one dataset after those of another.

    Args:
        datasets: `PyDataset` objects of finite length.
    """

    def __init__(self, datasets: Sequence[Any]) -> None:
        super().__init__(**worker_settings(datasets))
        self.datasets = list(datasets)

    @property
    def num_batches(self) -> int:
        return len(self)

    def __len__(self) -> int:
        return sum(number_of_batches(dataset) or 0 for dataset in self.datasets)

    def __getitem__(self, index: int) -> Any:
        index = range(len(self))[index]
        for dataset in self.datasets:
            length = number_of_batches(dataset) or 0
            if index < length:
                return dataset[index]
            index -= length
        raise IndexError(index)

    def on_epoch_begin(self) -> None:
        for dataset in self.datasets:
            dataset.on_epoch_begin()

    def on_epoch_end(self) -> None:
        for dataset in self.datasets:
            dataset.on_epoch_end()
