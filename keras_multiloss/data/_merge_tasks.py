"""`merge_tasks`: datasets that each label only some outputs, as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._checks import respelled
from keras_multiloss._messages import error
from keras_multiloss._platform import number_of_batches
from keras_multiloss.data._arrays import concatenated, constant_array
from keras_multiloss.data._filling import fillings
from keras_multiloss.data._merge_arguments import (
    check_not_given,
    checked_datasets,
    checked_weights,
    data_kind_of_all,
    dataset_name,
)
from keras_multiloss.data._pydataset import ChainedBatches, MappedBatches
from keras_multiloss.data._tasks import task_of
from keras_multiloss.data._tf_data import (
    INFINITE,
    cardinalities,
    constant_tensor,
    draw_batches,
    element_of,
    map_dataset,
    prefetch,
)
from keras_multiloss.spec import batch_without_tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keras_multiloss.data._filling import Filling
    from keras_multiloss.data._label_masks import Mask
    from keras_multiloss.data._tasks import Task
    from keras_multiloss.spec import Key

WHERE = "merge_tasks"

#: Arguments as earlier versions called them.
OLD_SPELLINGS = {"fill": "mask"}


def merge_tasks(
    datasets: Sequence[Any],
    *,
    mask: Mask | dict[Key, Mask] = "nan",
    weights: Sequence[float] | None = None,
    seed: int | None = None,
    **old: Any,
) -> Any:
    """One dataset with every label, from datasets that each have only some of them.

    A label that a dataset does not have is filled in, so that `LossTerm(..., mask=...)`
    leaves it out: each sample then trains the outputs that it has labels for. Where some
    datasets have sample weights, the weights that others lack are 1.

    Args:
        datasets: datasets of one kind, of `(x, y)` or `(x, y, sample_weight)`, where `y` is
            a dict from label names to tensors: `tf.data.Dataset` objects (of batches, or of
            single samples), tuples of arrays, or `keras.utils.PyDataset` objects.
        mask: what stands for a missing label: `"nan"`, a number, or a dict of these by
            label, in which `"nan"` is the default. The `mask` of the terms is the same.
        weights: for `tf.data`, positive numbers: how often each dataset is drawn from, relative to
            the others.
            By default in proportion to their numbers of batches, so that all end at about
            the same time; equally often where one of these numbers is not known.
        seed: for `tf.data`, the seed of the order in which they are drawn from.
        **old: arguments by the names of earlier versions: `fill` for `mask`.

    Returns:
        Data of the kind of `datasets`:

        - a `tf.data.Dataset` that draws at random which dataset the next batch comes from, in
          another order each epoch, until all have ended; made in the graph and prefetched.
          Static shapes stay where the datasets share them, and the cardinality is set where
          it is known.
        - a tuple of arrays with the rows of all datasets, one dataset after another; `fit`
          shuffles them.
        - a `PyDataset` with the batches of one dataset after those of another; `fit`
          shuffles the batches. The first batch of each tells which labels the dataset has.

    Raises:
        ValueError: if datasets disagree about the shape or dtype of a tensor, a label
            cannot hold its mask, or only some `tf.data.Dataset` objects repeat for ever.
        TypeError: if the datasets are not of one kind.

    Example:
        >>> import numpy as np
        >>> from keras_multiloss.data import merge_tasks
        >>> ages = (np.zeros((2, 3)), {"age": np.array([30.0, 40.0])})
        >>> sexes = (np.zeros((1, 3)), {"sex": np.array([1])})
        >>> x, y = merge_tasks([ages, sexes], mask={"sex": -1})
        >>> x.shape, y["age"].tolist(), y["sex"].tolist()
        ((3, 3), [30.0, 40.0, nan], [-1, -1, 1])
    """
    mask = respelled(WHERE, old, OLD_SPELLINGS).get("mask", mask)
    datasets = checked_datasets(WHERE, datasets)
    kind = data_kind_of_all(WHERE, datasets)
    if kind == "tf.data":
        weights = checked_weights(WHERE, weights, len(datasets))
        return _merge_tf_datasets(datasets, mask, weights, seed)
    check_not_given(WHERE, weights=weights, seed=seed)
    merge = _merge_pydatasets if kind == "PyDataset" else _merge_arrays
    return merge(datasets, mask)


def _merge_tf_datasets(
    datasets: list[Any], mask: Any, weights: list[float] | None, seed: int | None
) -> Any:
    tasks = [task_of(dataset_name(WHERE, i), element_of(d)) for i, d in enumerate(datasets)]
    fills = fillings(WHERE, tasks, mask, constant_tensor)
    lengths = cardinalities(datasets)
    if INFINITE in lengths and any(length >= 0 for length in lengths):
        raise error(
            ValueError,
            WHERE,
            "some datasets repeat for ever and others end",
            expected="datasets that all repeat, or that all end",
            received=f"{['infinite' if n == INFINITE else n for n in lengths]} batches",
            hint="give `.repeat()` to all of them, or to none",
        )
    filled = [map_dataset(d, fill_in) for d, fill_in in zip(datasets, fills, strict=True)]
    return prefetch(draw_batches(filled, weights, seed))


def _merge_pydatasets(datasets: list[Any], mask: Any) -> Any:
    tasks = [
        task_of(dataset_name(WHERE, i), _first_batch(dataset_name(WHERE, i), d))
        for i, d in enumerate(datasets)
    ]
    fills = _fillings_of_arrays(tasks, mask)
    return ChainedBatches(
        [MappedBatches(d, fill_in) for d, fill_in in zip(datasets, fills, strict=True)]
    )


def _merge_arrays(datasets: list[Any], mask: Any) -> Any:
    datasets = [batch_without_tables(data) for data in datasets]
    tasks = [task_of(dataset_name(WHERE, i), data) for i, data in enumerate(datasets)]
    fills = _fillings_of_arrays(tasks, mask)
    return concatenated([fill_in(data) for data, fill_in in zip(datasets, fills, strict=True)])


def _fillings_of_arrays(tasks: list[Task], mask: Any) -> list[Filling]:
    for task in tasks:
        task.check_rows()
    return fillings(WHERE, tasks, mask, constant_array)


def _first_batch(where: str, dataset: Any) -> Any:
    """The batch of a `PyDataset` that tells what it has; raises if it has none or no end."""
    length = number_of_batches(dataset)
    if length:
        return dataset[0]
    raise error(
        ValueError,
        where,
        "it has no batches" if length == 0 else "it has no end, so that no other can follow it",
        expected="a dataset of at least one batch, and of finite length",
        received=f"{type(dataset).__name__} of {'endless' if length is None else length} batches",
    )
