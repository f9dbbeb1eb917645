"""When an epoch begins, for weightings that move by epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._platform import UnsavedMetric, ops

if TYPE_CHECKING:
    from collections.abc import Callable


class EpochClock(UnsavedMetric):
    """Tells a weighting whether a training step is the first of its epoch.

    Keras resets metrics when an epoch begins, and tells layers and losses in no other way.
    So the clock is a metric that logs nothing.

    Args:
        variable: gives the number of training steps since an epoch began, which a layer owns.
    """

    def __init__(self, variable: Callable[[], Any]) -> None:
        super().__init__(name="epoch_clock")
        self.variable = variable

    def update_state(self) -> None:
        """Count a training step."""
        self.variable().assign(self.variable() + 1)

    def is_at_start(self) -> Any:
        """Whether no training step was taken in this epoch."""
        return ops.equal(self.variable() + 0, 0)

    def result(self) -> dict[str, Any]:
        return {}

    def reset_state(self) -> None:
        self.variable().assign(0)
