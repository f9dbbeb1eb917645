"""Labels that are missing: where they are, and what stands in their place."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from keras_multiloss._platform import dtype_name, ops

#: What marks a missing label.
Mask = Literal["nan"] | float | None


def fill_missing(label: Any, mask: Mask) -> tuple[Any, Any]:
    """A label with its missing entries replaced by 0, and which entries are there.

    The second is `None` where none can be missing. Zero keeps the maths of the loss, and with it
    the gradients, finite.
    """
    if mask is None or not can_hold(dtype_name(label), mask):
        return label, None
    if mask == "nan":
        is_missing = ops.isnan(label)
    else:
        is_missing = ops.equal(label, ops.cast(mask, dtype_name(label)))
    return ops.where(is_missing, ops.zeros_like(label), label), ops.logical_not(is_missing)


def can_hold(dtype: str, mask: Any) -> bool:
    """Whether a tensor of this dtype can hold the value that marks a missing entry."""
    if "float" in dtype:
        return True
    if "int" not in dtype or mask == "nan" or mask != int(mask):
        return False
    limits = np.iinfo(dtype)
    return bool(limits.min <= mask <= limits.max)
