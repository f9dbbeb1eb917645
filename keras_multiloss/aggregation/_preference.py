"""Priorities among tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_multiloss._checks import check_positive
from keras_multiloss._container_checks import check_is_list
from keras_multiloss._messages import error
from keras_multiloss._platform import ops

if TYPE_CHECKING:
    from collections.abc import Sequence


def check_preference(
    where: str, preference: Sequence[float] | None, *, argument: str = "preference"
) -> list[float] | None:
    """The priorities as a list of floats; raises unless they are positive numbers."""
    if preference is None:
        return None
    expected = "a positive number for each task, [2.0, 1.0]"
    listed = check_numbers_listed(where, argument, preference, expected)
    return [check_positive(where, f"{argument}[{i}]", x) for i, x in enumerate(listed)]


def check_numbers_listed(where: str, argument: str, values: Any, expected: str) -> list[Any]:
    """The values, one for each task, as a list; raises unless they are listed."""
    return check_is_list(where, argument, values, what="a list of numbers", expected=expected)


def preference_shares(
    preference: list[float] | None, gramian: Any, where: str, *, argument: str = "preference"
) -> Any:
    """The share of each task, in the dtype of a Gramian; they sum to 1."""
    n_tasks = gramian.shape[0]
    if preference is None:
        return ops.ones_like(ops.diagonal(gramian)) / n_tasks
    if len(preference) != n_tasks:
        raise error(
            ValueError,
            where,
            f"`{argument}` does not fit the tasks",
            expected=f"{n_tasks} numbers, one for each task",
            received=repr(preference),
        )
    return ops.cast(np.array(preference) / sum(preference), gramian.dtype)
