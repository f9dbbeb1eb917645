"""Batches of arrays, made and joined."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keras_multiloss.data._filling import ConstantTensor


def constant_array(constant: ConstantTensor, sample: Any) -> np.ndarray:
    """A constant as an array with as many samples as an input."""
    shape = constant.shape(len(sample) if constant.is_per_sample else None)
    return np.full(shape, constant.number, constant.spec.dtype)


def concatenated(structures: Sequence[Any]) -> Any:
    """One structure of arrays from several alike, the rows of one after those of another."""
    first = structures[0]
    if isinstance(first, dict):
        return {key: concatenated([s[key] for s in structures]) for key in first}
    if isinstance(first, (list, tuple)):
        return type(first)(concatenated(entries) for entries in zip(*structures, strict=True))
    return np.concatenate([np.asarray(array) for array in structures])
