"""Times and events: the labels of losses for survival data."""

from __future__ import annotations

from typing import Any

from keras_multiloss._messages import error
from keras_multiloss._platform import ops
from keras_multiloss.evaluation import fits, static_shape
from keras_multiloss.losses._input_checks import check_labels


def check_times_and_events(where: str, y_true: Any, output: Any) -> tuple[Any, Any]:
    """The time and the event of each sample, both `(batch,)`, events as float32."""
    time, event = check_labels(where, y_true, "time", "event")
    size = (static_shape(output) or (None,))[:1]
    time = one_number_a_sample(where, "the time", time, size)
    event = one_number_a_sample(where, "the event", event, size)
    return time, ops.cast(event, "float32")


def one_number_a_sample(
    where: str, what: str, tensor: Any, size: tuple[int | None, ...] = (None,)
) -> Any:
    """A tensor of shape `(batch,)` or `(batch, 1)` as `(batch,)`; raises if it is another."""
    shape = static_shape(tensor)
    if shape is None:
        return ops.reshape(tensor, (-1,))
    if not any(fits(shape, (*size, *rest)) for rest in [(), (1,)]):
        batch = "batch" if size == (None,) else size[0]
        raise error(
            ValueError,
            where,
            f"{what} is not one number per sample",
            expected=f"shape ({batch},) or ({batch}, 1)",
            received=f"shape {shape}",
        )
    return ops.squeeze(tensor, -1) if len(shape) == 2 else tensor
