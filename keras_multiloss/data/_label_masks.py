"""What marks a label as missing in batches of a dataset that does not have it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from keras_multiloss._checks import check_finite_number
from keras_multiloss._messages import error, unknown_name
from keras_multiloss.evaluation import can_hold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keras_multiloss.data._tensor_specs import Spec
    from keras_multiloss.spec import Key

Mask = Literal["nan"] | float


def masks_by_label(where: str, mask: Any, labels: Sequence[Key]) -> dict[Key, Mask]:
    """The mask of each label; raises for a value that marks nothing, or for an unknown label."""
    if not isinstance(mask, dict):
        return dict.fromkeys(labels, _checked(where, "mask", mask))
    for name in mask:
        if name not in labels:
            raise unknown_name(where, "`mask` has a label that no dataset has", name, labels)
    given = {name: _checked(where, f"mask[{name!r}]", value) for name, value in mask.items()}
    return {**dict.fromkeys(labels, "nan"), **given}


def _checked(where: str, argument: str, value: Any) -> Mask:
    if isinstance(value, str) and value != "nan":
        raise error(
            ValueError,
            where,
            f"`{argument}` cannot stand for a missing label",
            expected="'nan', a number such as -1, or a dict of these by label",
            received=repr(value),
        )
    is_nan = value == "nan" or (isinstance(value, float) and math.isnan(value))
    return "nan" if is_nan else check_finite_number(where, argument, value)


def checked_mask(where: str, label: Key, spec: Spec, mask: Mask) -> float:
    """The value as a number; raises if no tensor of the label's spec can hold it."""
    if not can_hold(spec.dtype, mask):
        raise error(
            ValueError,
            where,
            f"the {spec.dtype} label {label!r}, which not every dataset has, cannot hold the mask",
            expected=f"a number of {spec.dtype} that no real label has"
            if "int" in spec.dtype
            else "a label of a dtype that can mark a missing one",
            received=f"mask={mask!r}",
            hint=_way_out(label, spec.dtype),
        )
    if not spec.is_full:
        raise error(
            ValueError,
            where,
            f"the shape of label {label!r}, which not every dataset has, is not known",
            expected="a static size for every axis but that of the batch",
            received=f"{spec}",
            hint="pad it to a fixed size, or set its shape with `tf.ensure_shape`",
        )
    return float(mask)


def _way_out(label: Key, dtype: str) -> str:
    if "int" not in dtype:
        return "cast it to 'float32', where NaN stands for a missing label"
    value = np.iinfo(dtype).max if dtype.startswith("u") else -1
    return f"mask={{{label!r}: {value}}} here, and mask={value} in the terms of this label"
