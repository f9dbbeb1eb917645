"""What a loss gives for one batch, and what can be made of it."""

from __future__ import annotations

from typing import Any, NamedTuple

from keras_multiloss._platform import n_replicas, ops, scale_loss_object
from keras_multiloss.evaluation._casting import float32, to_tensor
from keras_multiloss.evaluation._reduction import Reduced, losses_of
from keras_multiloss.evaluation._shapes import fit_weights, rank


class Evaluated(NamedTuple):
    """The values of a loss on a batch, before they are reduced.

    Args:
        where: the name of the caller, for errors.
        values: float32, one number for each entry, step or sample; a scalar for the whole batch.
        counted: which of the values count, of their shape; `None` if all do.
        label: the label as the loss saw it, its missing entries filled.
        n_samples: the number of samples in the batch.
        is_by_entry: whether a loss that is a mean over the last axis was asked for each entry of
            it, so that single entries can be left out.
        weights: what the values are multiplied by: one for each sample, or of their shape.
    """

    where: str
    values: Any
    counted: Any
    label: Any
    n_samples: Any
    is_by_entry: bool
    weights: tuple[Any, ...] = ()

    def weighed_by(self, *weights: Any) -> Evaluated:
        """The same with further weights; `None` stands for none."""
        return self._replace(weights=(*self.weights, *(w for w in weights if w is not None)))

    def weighed_values(self) -> Any:
        """The values times their weights; 0 where they do not count."""
        values = self.values
        for given in self.weights:
            values = values * fit_weights(self.where, float32(to_tensor(given)), values)
        return self._or_zero(values)

    def reduced(self, reduction: str | None) -> Reduced:
        """The total of the batch and its divisor.

        `"sum"` adds up `weight * value`; `"mean_with_sample_weight"` divides that by the sum of
        the weights; every other reduction, also `"none"`, divides it by the number of values that
        count, as Keras does.
        """
        counts = self._counts()
        values = self._or_zero(self.values)
        weight = counts * self.share_of_row() if reduction == "sum" else counts
        for given in self.weights:
            weight = weight * fit_weights(self.where, float32(to_tensor(given)), values)
        total = ops.sum(values * weight)
        one = ops.ones(())
        if reduction == "sum":  # logged as a mean over batches, of which replicas have parts
            return Reduced(total, None, total, one / n_replicas())
        if rank(values) == 0:  # one value for the batch, logged as a mean over samples
            n_samples = ops.cast(self.n_samples, "float32")
            return Reduced(total, one, total * n_samples, n_samples)
        divisor = ops.sum(weight if reduction == "mean_with_sample_weight" else counts)
        return Reduced(total, divisor, total, divisor)

    def by_sample(self) -> Evaluated:
        """One value for each sample: the mean of what counts in it."""
        n_axes = rank(self.values) or 0
        return self if n_axes < 2 else self._mean_over(tuple(range(1, n_axes)))

    def as_loss_object(self, reduction: str) -> Any:
        """What a loss object returns to Keras when it is called."""
        if reduction == "none":
            values = self.weighed_values()
            has_rows = self.is_by_entry and (rank(values) or 0) > 1
            return ops.sum(values * self.share_of_row(), axis=-1) if has_rows else values
        value = losses_of([self.reduced(reduction)])[0]
        return scale_loss_object(value, reduction)

    def _mean_over(self, axes: tuple[int, ...]) -> Evaluated:
        counts = self._counts()
        n_counted = ops.sum(counts, axis=axes)
        values = ops.sum(self._or_zero(self.values), axis=axes) / ops.maximum(n_counted, 1.0)
        counted = None if self.counted is None else n_counted > 0
        return self._replace(values=values, counted=counted, is_by_entry=False)

    def _counts(self) -> Any:
        if self.counted is None:
            return ops.ones_like(self.values)
        return ops.cast(self.counted, "float32")

    def _or_zero(self, values: Any) -> Any:
        return values if self.counted is None else ops.where(self.counted, values, 0.0)

    def share_of_row(self) -> Any:
        """What an entry counts for in a sum of rows, each of which is a mean of its entries."""
        if not self.is_by_entry:
            return 1.0
        return 1.0 / ops.maximum(ops.sum(self._counts(), axis=-1, keepdims=True), 1.0)
