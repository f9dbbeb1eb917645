"""What `compile(loss=WeightedSumLoss(...))` leaves behind in a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._platform import KERAS_3, keras, ops, with_mean_value
from keras_multiloss.engine import RunningMeans
from keras_multiloss.spec import Batch

if TYPE_CHECKING:
    from keras_multiloss.engine import Step, TermMetric
    from keras_multiloss.models._structure import TensorNames
    from keras_multiloss.spec import Key, WeightedSumLoss


class CompiledLoss:
    """A total loss with the names of the model's tensors and the running means of its terms.

    It is not an object of Keras, so that a model neither tracks it nor keeps it when the
    model is compiled again.

    Args:
        loss: the total loss.
        names: what the inputs and outputs are called.
        metrics: the `metrics` and `weighted_metrics` that Keras was given.
        metric_terms: those that name their tensors themselves.
    """

    def __init__(
        self,
        loss: WeightedSumLoss,
        names: TensorNames,
        metrics: list[Any],
        metric_terms: list[TermMetric],
    ) -> None:
        self.loss = loss
        self.names = names
        self.metrics = metrics
        self.metric_terms = metric_terms
        self.running_means = RunningMeans(loss)
        # Keras 2 tracks the total in the code that `compute_loss` replaces.
        self.total = None if KERAS_3 else keras.metrics.Mean(name="loss")

    @property
    def trackers(self) -> list[Any]:
        """The metrics that hold the logs."""
        total = [] if self.total is None else [self.total]
        return [*total, self.running_means, *self.metric_terms]

    def batch(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any, taps: dict[Key, Any] | None = None
    ) -> Batch:
        """What Keras hands over in a step, by name, and the taps."""
        return Batch.of(
            self.loss,
            y,
            y_pred,
            sample_weight,
            x=x,
            taps=taps,
            output_names=self.names.outputs,
            input_names=self.names.inputs,
        )

    def log(self, step: Step, samples: Any) -> None:
        """Add a step to the logs.

        Args:
            step: what the loss made of a batch.
            samples: tensors with the samples of the batch.
        """
        n_samples = _batch_size(samples)
        self.running_means.update_state(step, n_samples)
        if self.total is not None:
            self.total.update_state(with_mean_value(step.total), sample_weight=n_samples)


def _batch_size(x: Any) -> Any:
    while isinstance(x, (dict, list, tuple)):
        entries = x.values() if isinstance(x, dict) else x
        x = next(entry for entry in entries if entry is not None)
    return ops.shape(x)[0]
