"""The logs of the terms as running means in one vector."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._platform import UnsavedMetric, add_metric_sums, ops

if TYPE_CHECKING:
    from collections.abc import Callable

    from keras_multiloss.engine._step import Step
    from keras_multiloss.spec import WeightedSumLoss


class RunningMeans(UnsavedMetric):
    r"""Logs `<term>_loss`, and `<term>_weight` where the weight changes.

    `<term>_loss` is the mean over what the term counted, $\sum n_t \ell_t / \sum n_t$ over the
    batches, NaN where nothing counted; `<term>_weight` the plain mean over the steps;
    `weighting_loss`, the penalty of a weighting, the mean over the samples. One vector holds all
    sums, so that 300 terms cost as much as 3.

    Args:
        loss: the total loss.
        variable: gives the vector where a layer owns it; by default the metric owns it.
        is_readable: false where Keras gives a metric no access to the vector (a layer's
            weight on JAX): then nothing is logged from here.
    """

    def __init__(
        self,
        loss: WeightedSumLoss,
        *,
        variable: Callable[[], Any] | None = None,
        is_readable: bool = True,
    ) -> None:
        super().__init__(name="term_losses", dtype="float32")
        self.layout = Layout(loss)
        self.is_readable = is_readable
        self.seen = list(loss.names)
        if variable is None:
            own: Any = add_metric_sums(self, "sums", (self.layout.size,))
            self.variable: Callable[[], Any] = lambda: own
        else:
            self.variable = variable

    def update_state(self, step: Step, n_samples: Any) -> None:
        """Add a step of so many samples."""
        self.seen = step.names
        sums = self.variable()
        sums.assign(sums + ops.stop_gradient(self.layout.row(step, n_samples)))

    def result(self) -> dict[str, Any]:
        """The logs by name."""
        return self.logs(ops.convert_to_tensor(self.variable())) if self.is_readable else {}

    def logs(self, sums: Any) -> dict[str, Any]:
        """The logs that a vector of sums stands for."""
        return self.layout.logs(sums, self.seen)

    def reset_state(self) -> None:
        sums = self.variable()
        sums.assign(ops.zeros(sums.shape))


class Layout:
    """What stands where in the vector of sums.

    In this order: samples, steps, the total and the count of each term, the weight of each
    term that moves, and the penalty of a weighting.

    Args:
        loss: the total loss.
    """

    def __init__(self, loss: WeightedSumLoss) -> None:
        self.names = loss.names
        self.moving = loss.moving_names
        self.has_penalty = loss.has_penalty
        self.size = 2 + 2 * len(self.names) + len(self.moving) + int(self.has_penalty)

    def row(self, step: Step, n_samples: Any) -> Any:
        """What a step adds to the sums."""
        n_samples = ops.cast(n_samples, "float32")
        weights = _placed(step.weights, step.names, self.moving)
        parts = [
            ops.stack([n_samples, ops.ones(())]),
            _placed(_without_noise(step), step.names, self.names),
            _placed(step.counts, step.names, self.names),
            *([weights] if self.moving else []),
        ]
        if self.has_penalty:
            penalty = ops.zeros(()) if step.penalty is None else step.penalty
            parts.append(ops.reshape(n_samples * penalty, (1,)))
        return ops.concatenate(parts, axis=0)

    def logs(self, sums: Any, seen: list[str]) -> dict[str, Any]:
        """The logs of the terms that were seen."""
        n_terms = len(self.names)
        totals, counts = sums[2 : 2 + n_terms], sums[2 + n_terms : 2 + 2 * n_terms]
        weights = sums[2 + 2 * n_terms :] / ops.maximum(sums[1], 1.0)
        is_known = counts != 0
        safe = ops.where(is_known, counts, ops.ones_like(counts))
        means = ops.where(is_known, totals / safe, ops.full_like(totals, float("nan")))
        logs = {f"{n}_loss": means[i] for i, n in enumerate(self.names) if n in seen}
        logs |= {f"{n}_weight": weights[i] for i, n in enumerate(self.moving) if n in seen}
        if self.has_penalty:
            logs["weighting_loss"] = sums[-1] / ops.maximum(sums[0], 1.0)
        return logs


def _placed(vector: Any, names: list[str], places: list[str]) -> Any:
    """The entries of some names, in the order of others; 0 where there is none."""
    if names == places:
        return vector
    zero = ops.zeros(())
    entries = [vector[names.index(name)] if name in names else zero for name in places]
    return ops.stack(entries) if entries else vector[:0]


def _without_noise(step: Step) -> Any:
    """The totals as they are logged: 0 where one is not finite and switched off."""
    is_off = ops.equal(step.weights, 0.0)
    is_noise = ops.logical_and(is_off, ops.logical_not(ops.isfinite(step.logged)))
    return ops.where(is_noise, ops.zeros_like(step.logged), step.logged)
