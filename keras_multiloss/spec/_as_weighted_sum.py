"""What hosts take for a total loss: a sum, or a single term."""

from __future__ import annotations

from typing import Any

from keras_multiloss._messages import described, error
from keras_multiloss.spec._loss_term import LossTerm
from keras_multiloss.spec._weighted_sum_loss import WeightedSumLoss


def as_weighted_sum(where: str, loss: Any) -> WeightedSumLoss:
    """A sum from a sum or a single term; raises for anything else."""
    if isinstance(loss, WeightedSumLoss):
        return loss
    if isinstance(loss, LossTerm):
        return WeightedSumLoss([loss])
    raise error(
        TypeError,
        where,
        "`loss` is not a total loss",
        expected="a WeightedSumLoss or a LossTerm",
        received=described(loss),
        hint="wrap it: LossTerm(loss, outputs, labels)",
    )
