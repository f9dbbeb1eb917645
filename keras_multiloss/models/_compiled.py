"""What `compile(loss=WeightedSumLoss(...))` leaves behind in a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._keras import KERAS_3, keras, ops
from keras_multiloss.layers._step import Parts, parts_of_loss
from keras_multiloss.layers._tracker import TermTracker

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keras_multiloss.layers._state import TermWeights
    from keras_multiloss.losses import WeightedSumLoss


class CompiledLoss:
    """A total loss with the names of the outputs and the running means of its terms.

    It is no object of Keras's, so that a model neither tracks it nor keeps it when the
    model is compiled again.

    Args:
        loss: the total loss.
        output_names: what the outputs are called; `None` where only a call can tell.
        metrics: the `metrics` and `weighted_metrics` that the model was compiled with.
    """

    def __init__(
        self, loss: WeightedSumLoss, output_names: list[str] | None, metrics: list[Any]
    ) -> None:
        self.loss = loss
        self.output_names = output_names
        self.metrics = metrics
        self.parts = Parts({}, {})  # of the batch that was computed last
        self.tape: Any = None  # what records the training step
        self.tracker = TermTracker(loss.names, loss.moving_names, has_penalty=loss.has_penalty)
        # Keras 2 tracks the total in the code that `compute_loss` replaces.
        self.total = None if KERAS_3 else keras.metrics.Mean(name="loss")

    @property
    def trackers(self) -> list[Any]:
        """The metrics that hold the logs."""
        return [self.tracker] if self.total is None else [self.total, self.tracker]

    def parts_of_loss(
        self,
        y: Any,
        y_pred: Any,
        sample_weight: Any,
        *,
        state: TermWeights | None,
        training: bool,
        added: Iterable[Any],
        n_samples: Any,
    ) -> Parts:
        """The weighted terms and what layers added to them; all of it goes into the logs."""
        parts = parts_of_loss(
            self.loss,
            y,
            y_pred,
            sample_weight,
            output_names=self.output_names,
            state=state,
            tracker=self.tracker,
            training=training,
            n_samples=n_samples,
        )
        for i, value in enumerate(added):
            parts.rest[f"added {i}"] = ops.sum(ops.cast(value, "float32"))
        if self.total is not None:
            self.total.update_state(parts.total, sample_weight=n_samples)
        return parts
