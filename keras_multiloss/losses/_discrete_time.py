"""The likelihood of times that fall into intervals, some of them censored."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from keras_multiloss._checks import check_bool, check_finite_number
from keras_multiloss._messages import described, error
from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.evaluation import fits, static_shape
from keras_multiloss.losses._input_checks import check_one_output
from keras_multiloss.losses._joint_loss import JointLoss, Reduction
from keras_multiloss.losses._probabilities import log_bernoulli
from keras_multiloss.losses._survival import check_times_and_events


@serializable
class DiscreteTimeSurvivalLoss(JointLoss):
    r"""Negative log-likelihood of a time, given the hazard of each interval.

    With the breaks $b_0 < \dots < b_K$, and $h_k$ the probability of the event within
    $[b_{k-1}, b_k)$ for a sample that has survived up to it:

    $$\ell = -\sum_{k \in S} \log(1-h_k) - \sum_{k \in E} \log h_k$$

    - A sample with an event has survived ($S$) the intervals that end at its time or before
      it; the event is in the next one ($E$).
    - A censored sample has survived those whose middle it has reached,
      $\tfrac12 (b_{k-1} + b_k) \le t$, as in the paper; $E$ is empty.
    - A sample with a time of $b_K$ or later survived all intervals, with an event or not; one
      with a time before $b_0$ is in the first interval.

    The predicted probability of surviving up to $b_k$ is $\prod_{j \le k} (1-h_j)$. (The code
    that came with the paper has $1-h_k$ for outputs: their logits are those here with the
    other sign.)

    Args:
        breaks: the ends of the intervals, $b_0, \dots, b_K$, increasing, in units of the
            time; usually $b_0 = 0$.
        from_logits: whether the outputs are logits of hazards rather than hazards (those of a
            `Dense` layer without an activation are).
        reduction: as for `JointLoss`.
        name: name of the loss.

    Shape:
        - y_true: a pair `(time, event)`, both `(batch,)` or `(batch, 1)`; events are 1 or
          `True`, censored samples 0 or `False`.
        - y_pred: `(batch, n_intervals)`, one number fewer than there are breaks.
        - result: `(batch,)`. A sample censored before the middle of the first interval has 0.

    Raises:
        TypeError: if `breaks` is not a list of numbers.
        ValueError: if the breaks do not increase, or there are not one output with a number
            for each interval and two labels of one number per sample.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> time, event = np.array([1.5, 1.5]), np.array([1, 0])
        >>> hazards = np.array([[0.25, 0.5], [0.25, 0.5]])
        >>> loss = kml.losses.DiscreteTimeSurvivalLoss([0.0, 1.0, 3.0], reduction="none")
        >>> np.exp(-np.array(loss((time, event), hazards))).round(3).tolist()
        [0.375, 0.75]

    References:
        Gensheimer and Narasimhan, "A scalable discrete-time survival model for neural
        networks", PeerJ, 2019.
        Brown, Branford and Moran, "On the use of artificial neural networks for the analysis
        of survival data", IEEE Transactions on Neural Networks, 1997.
    """

    is_sample_wise = True

    def __init__(
        self,
        breaks: list[float],
        *,
        from_logits: bool = False,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "discrete_time_survival",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        self.breaks = _check_breaks(breaks)
        self.from_logits = check_bool(type(self).__name__, "from_logits", from_logits)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        where = type(self).__name__
        hazards = check_one_output(where, y_pred)
        self._check_has_all_intervals(hazards)
        time, event = check_times_and_events(where, y_true, hazards)
        survived, failed = self._fates(time, event)
        log_hazard, log_survival = log_bernoulli(hazards, from_logits=self.from_logits)
        return -ops.sum(survived * log_survival + failed * log_hazard, axis=-1)

    def _fates(self, time: Any, event: Any) -> tuple[Any, Any]:
        """Whether each sample survived each interval, and whether its event was in it."""
        # In float32 both: a time that is a break is one in whatever dtype it came.
        time, event = ops.cast(time, "float32")[:, None], event[:, None]
        ends = ops.convert_to_tensor(self.breaks[1:], dtype="float32")
        middles = [(start + end) / 2 for start, end in pairwise(self.breaks)]
        reached_end = ops.cast(time >= ends, "float32")
        reached_middle = ops.cast(
            time >= ops.convert_to_tensor(middles, dtype="float32"), "float32"
        )
        # The interval of an event is the one whose start was reached and whose end was not.
        reached_start = ops.pad(reached_end[:, :-1], [[0, 0], [1, 0]], constant_values=1.0)
        survived = event * reached_end + (1.0 - event) * reached_middle
        return survived, event * (reached_start - reached_end)

    def _check_has_all_intervals(self, hazards: Any) -> None:
        n_intervals = len(self.breaks) - 1
        shape = static_shape(hazards)
        if shape is None or fits(shape, (None, n_intervals)):
            return
        raise error(
            ValueError,
            type(self).__name__,
            "the output does not fit the breaks",
            expected=f"a hazard for each of {n_intervals} intervals, shape (batch, {n_intervals})",
            received=f"shape {shape}",
        )

    def get_config(self) -> dict[str, Any]:
        own = {"breaks": self.breaks, "from_logits": self.from_logits}
        return {**super().get_config(), **own}


def _check_breaks(breaks: Any) -> list[float]:
    """The breaks as a list of floats; raises unless they are two or more that increase."""
    where = "DiscreteTimeSurvivalLoss"
    breaks = breaks.tolist() if hasattr(breaks, "tolist") else breaks
    if not isinstance(breaks, (list, tuple)):
        raise error(
            TypeError,
            where,
            "`breaks` is not a list",
            expected="a list of numbers, such as [0.0, 1.0, 2.0]",
            received=described(breaks),
        )
    numbers = [check_finite_number(where, f"breaks[{i}]", x) for i, x in enumerate(breaks)]
    if len(numbers) < 2 or any(start >= end for start, end in pairwise(numbers)):
        raise error(
            ValueError,
            where,
            "`breaks` do not make intervals",
            expected="two or more numbers, each greater than the one before it",
            received=repr(numbers),
        )
    return numbers
