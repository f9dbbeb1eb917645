"""Checks of the arguments of `merge_tasks`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._checks import check_positive
from keras_multiloss._messages import error
from keras_multiloss.data._data_kinds import data_kind

if TYPE_CHECKING:
    from keras_multiloss.data._data_kinds import DataKind


def dataset_name(where: str, i: int) -> str:
    """How messages call one of the datasets."""
    return f"{where}: dataset {i}"


def checked_datasets(where: str, datasets: Any) -> list[Any]:
    """The datasets as a list; raises unless there is one at least."""
    if isinstance(datasets, (list, tuple)) and datasets:
        return list(datasets)
    raise error(
        TypeError,
        where,
        "`datasets` is not a list of datasets",
        expected="a list of at least one dataset",
        received=f"an empty {type(datasets).__name__}"
        if isinstance(datasets, (list, tuple))
        else f"an object of type {type(datasets).__name__}",
    )


def data_kind_of_all(where: str, datasets: list[Any]) -> DataKind:
    """The kind of the datasets; raises unless they have one, and it can be merged."""
    kinds = [data_kind(dataset_name(where, i), dataset) for i, dataset in enumerate(datasets)]
    if len(set(kinds)) == 1 and kinds[0] != "generator":
        return kinds[0]
    raise error(
        TypeError,
        where,
        "the datasets are not of one kind that can be merged",
        expected="all tf.data.Dataset, all tuples of arrays, or all PyDataset",
        received=f"{kinds}",
        hint="`tf.data.Dataset.from_generator` makes a dataset of a generator"
        if "generator" in kinds
        else None,
    )


def checked_weights(where: str, weights: Any, n_datasets: int) -> list[float] | None:
    """The weights as floats, one for each dataset; `None` if they are not given."""
    if weights is None:
        return None
    weights = list(weights)
    if len(weights) != n_datasets:
        raise error(
            ValueError,
            where,
            "`weights` does not fit `datasets`",
            expected=f"{n_datasets} weights, one for each dataset",
            received=f"{weights}",
        )
    return [check_positive(where, f"weights[{i}]", weight) for i, weight in enumerate(weights)]


def check_not_given(where: str, **arguments: Any) -> None:
    """Raise if an argument is given that is for `tf.data` only."""
    for name, value in arguments.items():
        if value is not None:
            raise error(
                ValueError,
                where,
                f"`{name}` applies to tf.data only",
                expected=f"{name}=None, as `fit` shuffles this kind of data",
                received=f"{name}={value!r}",
            )
