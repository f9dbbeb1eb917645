"""The arithmetic of terms and sums: `a + b`, `a - b`, `2 * a`, `a / 2`, `-a`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._checks import check_finite_number
from keras_multiloss._messages import error

if TYPE_CHECKING:
    from typing_extensions import Self

    from keras_multiloss.spec._weighted_sum_loss import WeightedSumLoss


class Summand:
    """A part of a total loss: a term or a sum. A subclass implements `scaled_by`."""

    def scaled_by(self, factor: float) -> Self:
        """The same with all weights multiplied by a finite number."""
        raise NotImplementedError

    def __add__(self, other: Any) -> WeightedSumLoss:
        # Terms make sums, which are made of terms: the one circle of imports in this package.
        from keras_multiloss.spec._weighted_sum_loss import WeightedSumLoss  # noqa: PLC0415

        summands = [x for x in (self, other) if not _is_start_of_sum(x)]
        if not all(isinstance(x, Summand) for x in summands):
            return NotImplemented
        return WeightedSumLoss(summands)

    def __radd__(self, other: Any) -> WeightedSumLoss:
        return self + other

    def __sub__(self, other: Any) -> WeightedSumLoss:
        return self + -other if isinstance(other, Summand) else NotImplemented

    def __mul__(self, factor: float) -> Self:
        return self.scaled_by(check_finite_number(type(self).__name__, "factor", factor))

    def __rmul__(self, factor: float) -> Self:
        return self * factor

    def __truediv__(self, divisor: float) -> Self:
        where = type(self).__name__
        number = check_finite_number(where, "divisor", divisor)
        if number == 0.0:
            raise error(
                ZeroDivisionError,
                where,
                "a loss is divided by 0",
                expected="a finite number other than 0",
                received=repr(divisor),
            )
        return self * (1.0 / number)

    def __neg__(self) -> Self:
        return self * -1.0


def _is_start_of_sum(part: Any) -> bool:
    """Whether it is the 0 that `sum(terms)` starts from."""
    return isinstance(part, int) and part == 0
