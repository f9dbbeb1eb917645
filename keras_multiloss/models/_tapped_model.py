"""A model whose hidden tensors the loss may see.

In a step, the model gives taps beside its outputs, packed into one structure, so that Keras
carries them to the loss and to the metrics; in prediction it gives its outputs alone.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any, ClassVar

from keras_multiloss._checks import check_count
from keras_multiloss._messages import error
from keras_multiloss._platform import has_own_method
from keras_multiloss.layers._tap import recorded_taps
from keras_multiloss.models._balanced_model import BalancedModel
from keras_multiloss.models._packed_labels import unpacked_batch
from keras_multiloss.models._sample_losses import batches, sample_losses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keras_multiloss.models._compiled_loss import CompiledLoss
    from keras_multiloss.spec import Batch, Key

OUTPUTS, TAPS = "keras_multiloss>outputs", "keras_multiloss>taps"


class TappedModel(BalancedModel):
    """A model that shows its taps to the loss of a step."""

    #: The models that show their taps in a thread.
    _showing: ClassVar[Any] = threading.local()

    @contextlib.contextmanager
    def _showing_taps(self) -> Iterator[None]:
        """While this context is open, a call of the model gives its taps as well."""
        before = getattr(self._showing, "models", ())
        self._showing.models = (*before, self)
        try:
            yield
        finally:
            self._showing.models = before

    @property
    def _shows_taps(self) -> bool:
        return any(model is self for model in getattr(self._showing, "models", ()))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not self._shows_taps:
            return super().__call__(*args, **kwargs)
        with recorded_taps() as seen:
            outputs = super().__call__(*args, **kwargs)
        return _beside(outputs, seen)

    def stateless_call(self, *args: Any, **kwargs: Any) -> Any:
        """Keras's own, which JAX calls in a step; there the taps come beside the outputs."""
        if not self._shows_taps:
            return super().stateless_call(*args, **kwargs)
        with recorded_taps() as seen:
            outputs, *rest = super().stateless_call(*args, **kwargs)
        return (_beside(outputs, seen), *rest)

    @property
    def _packed_metric(self) -> Any:
        compiled = self._compiled_loss
        of_step = ("train_step", "test_step", "compute_metrics", "get_metrics_result")
        is_read = has_own_method(self, *of_step)
        return None if compiled is None or is_read else compiled.running_means

    def _batch_as_given(self, data: Any) -> Any:
        return unpacked_batch(data)

    def _in_step(self) -> contextlib.AbstractContextManager[None]:
        return self._showing_taps()

    def named_batch(self, x: Any, y: Any, sample_weight: Any = None) -> Batch:
        """Everything in a batch by its name, with the outputs of the model in inference mode.

        Args:
            x: inputs.
            y: labels by name.
            sample_weight: one tensor, or a dict by name.

        Raises:
            ValueError: if the model is not compiled with a total loss.
        """
        with self._showing_taps():
            y_pred, taps = without_taps(self(x, training=False))
        return self.checked_total_loss("named_batch").batch(x, y, y_pred, sample_weight, taps)

    def weights_of_parts(self) -> dict[tuple[str, str], Any]:
        """The current weights of parts that follow schedules, by term and part."""
        state = self.term_weight_state()
        return {} if state is None else state.weights_of_parts()

    def term_losses(
        self, x: Any, y: Any = None, sample_weight: Any = None, *, batch_size: int = 32
    ) -> dict[str, Any]:
        """The loss of each sample by term, to find wrong labels and weak groups.

        Args:
            x: inputs as arrays, or a data set of batches `(x, y)` or `(x, y, sample_weight)`.
            y: labels by name.
            sample_weight: one array, or a dict by name.
            batch_size: of arrays.

        Returns:
            An array `(n,)` for each term and each part of it, `<term>_<part>`, with masks, sample
            weights and class weights as the term has them, not with the weight of the term.
            NaN where nothing of a sample counts. The mean over the axes of a sample, or the sum
            where the reduction of the term is one. A term whose loss has one value for the whole
            batch is left out, and a warning says so.

        Raises:
            ValueError: if the model is not compiled with a total loss, or there is no data.
        """
        self.checked_total_loss("term_losses")
        check_count("MultiLossModel.term_losses", "batch_size", batch_size)
        return sample_losses(self, batches(self, x, y, sample_weight, batch_size))

    def checked_total_loss(self, attribute: str) -> CompiledLoss:
        """The total loss that the model was compiled with, which an attribute needs."""
        if self._compiled_loss is None:
            raise error(
                ValueError,
                f"MultiLossModel.{attribute}",
                "the model has no total loss",
                expected="a model that is compiled with a WeightedSumLoss",
                received=f"loss={getattr(self, 'loss', None)!r}",
            )
        return self._compiled_loss


def _beside(outputs: Any, taps: dict[str, Any]) -> Any:
    """The outputs with taps beside them; the outputs alone where there is no tap."""
    return {OUTPUTS: outputs, TAPS: dict(taps)} if taps else outputs


def without_taps(y_pred: Any) -> tuple[Any, dict[Key, Any]]:
    """The outputs as the model gives them in prediction, and the taps by name."""
    if isinstance(y_pred, dict) and set(y_pred) == {OUTPUTS, TAPS}:
        return y_pred[OUTPUTS], y_pred[TAPS]
    return y_pred, {}
