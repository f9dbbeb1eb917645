"""One step of a total loss: its terms, their weights, what is logged, the sum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from keras_multiloss._keras import ops
from keras_multiloss.layers._state import TermWeights, Weighed
from keras_multiloss.losses import added_up

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keras_multiloss.layers._tracker import TermTracker
    from keras_multiloss.losses import WeightedSumLoss


#: The key of a weighting's penalty, which no term can have.
PENALTY = ""


class Parts(NamedTuple):
    """What a total loss is the sum of.

    Args:
        terms: the weighted terms by name.
        rest: the penalty of a weighting and what layers added, by a name each.
    """

    terms: dict[str, Any]
    rest: dict[str, Any]

    @property
    def total(self) -> Any:
        """The total loss."""
        return added_up({**self.rest, **self.terms})


def parts_of_loss(
    loss: WeightedSumLoss,
    y_true: Any,
    y_pred: Any,
    sample_weight: Any,
    *,
    output_names: Sequence[str] | None,
    state: TermWeights | None,
    tracker: TermTracker,
    training: bool,
    n_samples: Any,
) -> Parts:
    """The total loss of a batch in float32 scalars; the tracker logs it, the state moves on.

    Args:
        loss: the sum.
        y_true: labels by name.
        y_pred: outputs by name.
        sample_weight: one tensor, or a dict by name.
        output_names: what the outputs are called, where they are a list.
        state: what moves the weights; `None` where none moves.
        tracker: what logs the terms.
        training: whether this is a training step.
        n_samples: what the batch counts for in the log.
    """
    given = loss.term_weights() if state is None else state.given()
    losses = loss.term_losses(
        y_true, y_pred, sample_weight, output_names=output_names, weights=given
    )
    weighed = Weighed(given)
    if state is not None:
        weighed = state.weigh(given, losses, training=training, starts_epoch=tracker.is_empty())
    logged = {name: _without_noise(value, weighed.weights[name]) for name, value in losses.items()}
    tracker.update_state(logged, weighed.weights, n_samples, penalty=weighed.penalty)
    rest = {} if weighed.penalty is None else {PENALTY: weighed.penalty}
    return Parts(loss.weighted(losses, weighed.weights), rest)


def _without_noise(loss: Any, weight: Any) -> Any:
    """A loss as it is logged: 0 where it is not finite and switched off."""
    if isinstance(weight, float) and weight != 0.0:
        return loss
    is_noise = ops.logical_and(weight == 0, ops.logical_not(ops.isfinite(loss)))
    return ops.where(is_noise, ops.zeros_like(loss), loss)
