"""What a loss gives for one batch, and what can be made of it."""

from __future__ import annotations

import functools
import operator
from typing import TYPE_CHECKING, Any, NamedTuple

from keras_multiloss._messages import error, unknown_name
from keras_multiloss._platform import n_replicas, ops, scale_loss_object
from keras_multiloss.evaluation._casting import float32, to_tensor
from keras_multiloss.evaluation._reduction import Reduced, losses_of
from keras_multiloss.evaluation._shapes import fit_weights, rank

if TYPE_CHECKING:
    from collections.abc import Mapping


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
        parts: the values of each named part, of the same shape; none for a loss without parts.
        n_terms: how many terms the samples belong to, which stand one behind the other, as many of
            each; `None` for one term, whose totals are scalars and not vectors.
    """

    where: str
    values: Any
    counted: Any
    label: Any
    n_samples: Any
    is_by_entry: bool
    weights: tuple[Any, ...] = ()
    parts: dict[str, Any] = {}
    n_terms: int | None = None

    def with_part_weights(self, weights: Mapping[str, Any]) -> Evaluated:
        """The same with its parts weighed by name in their sum; others have weight 1.

        Raises:
            ValueError: for a weight of a part that the loss does not give.
        """
        for name in weights:
            if name not in self.parts:
                raise self._unknown_part(name)
        if not weights:
            return self
        values = [_weighed_part(weights.get(name, 1.0), part) for name, part in self.parts.items()]
        return self._replace(values=functools.reduce(operator.add, values))

    def _unknown_part(self, name: str) -> ValueError:
        problem = "`part_weights` names a part that the loss does not give"
        if self.parts:
            return unknown_name(self.where, problem, name, list(self.parts))
        return error(
            ValueError,
            self.where,
            problem,
            expected="a loss whose `call` returns a dict of parts, {'classes': ..., 'boxes': ...}",
            received=f"part_weights for {name!r}, and a loss that returns one tensor",
        )

    def weighed_by(self, *weights: Any) -> Evaluated:
        """The same with further weights; `None` stands for none."""
        return self._replace(weights=(*self.weights, *(w for w in weights if w is not None)))

    def weighed_values(self) -> Any:
        """The values times their weights; 0 where they do not count."""
        return self._or_zero(self._weighed(self.values))

    def _weighed(self, factors: Any) -> Any:
        """Factors of the values, times the weights."""
        for given in self.weights:
            factors = factors * fit_weights(self.where, float32(to_tensor(given)), self.values)
        return factors

    def reduced(self, reduction: str | None) -> Reduced:
        r"""The total of the batch and its divisor.

        With $w$ the weights, $v$ the values that count, and $n_i$ how many those of sample $i$
        are:

        - `"sum"`: $\sum w v$, in which a row of entries has its mean;
        - `"sum_over_axes"`: $\sum w v$ divided by the number of samples;
        - `"mean_per_sample"`: $\sum w v / n_i$ divided by the number of samples;
        - `"weighted_mean"` or `"mean_with_sample_weight"`: $\sum w v$ divided by $\sum w$;
        - all others, also `"none"`: $\sum w v$ divided by $\sum n_i$, as Keras does.

        A sample of which nothing counts is not among the samples.
        """
        counts = self._counts()
        weight = self._weighed(counts * self._share(reduction))
        total, *parts = (
            self._sum_of_term(self._or_zero(values) * weight)
            for values in (self.values, *self.parts.values())
        )
        divisor = self._divisor(reduction, counts, weight)
        # A sum is logged as a mean over batches, of which replicas have parts; one value for the
        # batch as a mean over samples.
        factor, count = 1.0, divisor
        if divisor is None:
            count = ops.ones(ops.shape(total)) / n_replicas()
        elif rank(self.values) == 0:
            factor = count = ops.cast(self.n_samples, "float32")
        logged = {name: part * factor for name, part in zip(self.parts, parts, strict=True)}
        return Reduced(total, divisor, total * factor, count, logged)

    def _share(self, reduction: str | None) -> Any:
        """What a value counts for in the total, before its weights."""
        if reduction == "sum":
            return self.share_of_row()
        if reduction != "mean_per_sample" or not _axes_of_sample(self.values):
            return 1.0
        axes = _axes_of_sample(self.values)
        return 1.0 / ops.maximum(ops.sum(self._counts(), axis=axes, keepdims=True), 1.0)

    def _divisor(self, reduction: str | None, counts: Any, weight: Any) -> Any:
        """What the total is divided by; `None` for a sum."""
        if reduction == "sum":
            return None
        if not rank(self.values):
            return ops.ones(())
        if reduction in {"weighted_mean", "mean_with_sample_weight"}:
            return self._sum_of_term(weight)
        axes = _axes_of_sample(self.values)
        if reduction in {"sum_over_axes", "mean_per_sample"} and axes:
            counts = ops.max(counts, axis=axes)
        return self._sum_of_term(counts)

    def _sum_of_term(self, values: Any) -> Any:
        """The sum over all entries of a term."""
        if self.n_terms is None:
            return ops.sum(values)
        return ops.sum(ops.reshape(values, (self.n_terms, -1)), axis=1)

    def parts_reduced(self, reduction: str | None) -> dict[str, Reduced]:
        """The total and divisor of each part, by name."""
        alone = self._replace(parts={})
        return {
            name: alone._replace(values=part).reduced(reduction)
            for name, part in self.parts.items()
        }

    def of_samples(self, reduction: str | None) -> tuple[Any, dict[str, Any]] | None:
        """The loss of each sample and of each part of it, with its weights.

        It is the sum of what counts in the sample for `"sum"` and `"sum_over_axes"`, else the
        mean; NaN where nothing counts. `None` for a loss with one value for the whole batch.
        """
        if not rank(self.values):
            return None
        counts = self._counts()
        is_sum = reduction in {"sum", "sum_over_axes"}
        weight = self._weighed(counts * self._share(reduction if is_sum else "mean_per_sample"))
        n_counted = _sum_of_sample(counts)

        def of_sample(values: Any) -> Any:
            total = _sum_of_sample(self._or_zero(values) * weight)
            return ops.where(n_counted > 0, total, ops.full_like(total, float("nan")))

        return of_sample(self.values), {name: of_sample(v) for name, v in self.parts.items()}

    def by_sample(self) -> Evaluated:
        """One value for each sample: the mean of what counts in it."""
        if not _axes_of_sample(self.values):
            return self
        n_counted = _sum_of_sample(self._counts())

        def mean(values: Any) -> Any:
            return _sum_of_sample(self._or_zero(values)) / ops.maximum(n_counted, 1.0)

        return self._replace(
            values=mean(self.values),
            counted=None if self.counted is None else n_counted > 0,
            is_by_entry=False,
            parts={name: mean(part) for name, part in self.parts.items()},
        )

    def as_loss_object(self, reduction: str) -> Any:
        """What a loss object returns to Keras when it is called."""
        if reduction == "none":
            values = self.weighed_values()
            has_rows = self.is_by_entry and (rank(values) or 0) > 1
            return ops.sum(values * self.share_of_row(), axis=-1) if has_rows else values
        value = losses_of([self.reduced(reduction)])[0]
        return scale_loss_object(value, reduction)

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


def _axes_of_sample(values: Any) -> tuple[int, ...]:
    """The axes behind that of the batch."""
    return tuple(range(1, rank(values) or 0))


def _sum_of_sample(values: Any) -> Any:
    """The sum over the axes behind that of the batch."""
    axes = _axes_of_sample(values)
    return ops.sum(values, axis=axes) if axes else values


def _weighed_part(weight: Any, part: Any) -> Any:
    """A weighed part; 0 for the weight 0, even where the part is not finite."""
    if isinstance(weight, float):
        return ops.zeros_like(part) if weight == 0.0 else weight * part
    return ops.where(ops.equal(weight, 0.0), ops.zeros_like(part), weight * part)
