"""Times and events: the labels of losses for survival data."""

from __future__ import annotations

from typing import Any

from keras_multiloss._platform import ops
from keras_multiloss.losses._input_checks import check_labels, one_number_a_sample


def check_times_and_events(where: str, y_true: Any, output: Any) -> tuple[Any, Any]:
    """The time and the event of each sample, both `(batch,)`, events as float32."""
    time, event = check_labels(where, y_true, "time", "event")
    time = one_number_a_sample(where, "the time", time, output)
    event = one_number_a_sample(where, "the event", event, output)
    return time, ops.cast(event, "float32")
