"""The running means of all terms, in one vector."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._keras import add_metric_sums, keras, ops

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class TermTracker(keras.metrics.Metric):
    r"""Logs `<term>_loss`, and `<term>_weight` where the weight moves.

    One vector holds $\sum n$, $\sum n\ell_t$ and, for weights that move, $\sum n w_t\ell_t$
    and $\sum n w_t$ over the batches of $n$ samples, so that 300 terms cost as much as 3.
    A moving weight is logged as it acted, $\sum n w_t\ell_t / \sum n\ell_t$: with it the
    weighted losses of the log add up to the total, and to it the penalty of a weighting, which
    is logged as `weighting_loss`.

    Args:
        names: the names of the terms.
        moving: the names of those whose weight is not constant.
        has_penalty: whether a weighting adds a penalty.
        variable: gives the vector where a layer owns it; by default the metric owns it.
        is_readable: false where Keras gives a metric no access to the vector (a layer's
            weight on JAX): then nothing is logged from here.
    """

    def __init__(
        self,
        names: Sequence[str],
        moving: Sequence[str] = (),
        *,
        has_penalty: bool = False,
        variable: Callable[[], Any] | None = None,
        is_readable: bool = True,
    ) -> None:
        super().__init__(name="term_losses", dtype="float32")
        self.term_names = list(names)
        self.moving = list(moving)
        self.has_penalty = has_penalty
        self.is_readable = is_readable
        self.seen = list(names)
        if variable is None:
            size = vector_size(names, moving, has_penalty=has_penalty)
            own: Any = add_metric_sums(self, "sums", (size,))
            self.variable: Callable[[], Any] = lambda: own
        else:
            self.variable = variable

    def is_empty(self) -> Any:
        """Whether nothing was added since the last reset: an epoch has just begun."""
        return ops.equal(self.variable()[0], 0.0)

    def update_state(
        self,
        losses: dict[str, Any],
        weights: dict[str, Any],
        n_samples: Any,
        *,
        penalty: Any = None,
    ) -> None:
        """Add the term losses, the weights and the penalty of a batch."""
        self.seen = list(losses)
        zero = ops.zeros(())
        values = [ops.stop_gradient(losses[n]) if n in losses else zero for n in self.term_names]
        acting = [ops.cast(weights[n], "float32") for n in self.moving]
        products = [losses.get(n, zero) * w for n, w in zip(self.moving, acting, strict=True)]
        extra = (
            [zero if penalty is None else ops.stop_gradient(penalty)] if self.has_penalty else []
        )
        row = ops.stack([ops.ones(()), *values, *products, *acting, *extra])
        sums = self.variable()
        sums.assign(sums + ops.cast(n_samples, "float32") * row)

    def result(self) -> dict[str, Any]:
        """The logs by name."""
        return self.logs(ops.convert_to_tensor(self.variable())) if self.is_readable else {}

    def logs(self, sums: Any) -> dict[str, Any]:
        """The logs that a vector of sums stands for."""
        n_terms, n_moving = len(self.term_names), len(self.moving)
        n_samples = ops.maximum(sums[0], 1.0)
        logs = {
            f"{name}_loss": sums[1 + i] / n_samples
            for i, name in enumerate(self.term_names)
            if name in self.seen
        }
        for i, name in enumerate(self.moving):
            if name not in self.seen:
                continue
            loss = sums[1 + self.term_names.index(name)]
            product, weight = sums[1 + n_terms + i], sums[1 + n_terms + n_moving + i]
            acted = product / ops.where(loss == 0, ops.ones_like(loss), loss)
            logs[f"{name}_weight"] = ops.where(loss == 0, weight / n_samples, acted)
        if self.has_penalty:
            logs["weighting_loss"] = sums[-1] / n_samples
        return logs

    def reset_state(self) -> None:
        sums = self.variable()
        sums.assign(ops.zeros(sums.shape))


def vector_size(names: Sequence[str], moving: Sequence[str], *, has_penalty: bool = False) -> int:
    """The length of the vector that a tracker needs."""
    return 1 + len(names) + 2 * len(moving) + int(has_penalty)
