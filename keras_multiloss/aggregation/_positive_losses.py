"""The losses, as the rules that divide by them see them."""

from __future__ import annotations

from typing import Any

from keras_multiloss._messages import error
from keras_multiloss._platform import ops

#: What stands for losses below it: ratios and logarithms stay finite.
LEAST = 1e-8


def losses_above_zero(where: str, losses: Any) -> Any:
    """The losses as float32, none below 1e-8; raises where there are none."""
    if losses is None:
        raise error(
            ValueError,
            where,
            "the rule needs the losses",
            expected="the losses of the tasks, one number for each",
            received="None",
            hint="pass losses=[...] with the Jacobian",
        )
    losses = ops.cast(ops.convert_to_tensor(losses), "float32")
    return ops.where(losses > LEAST, losses, ops.full_like(losses, LEAST))
