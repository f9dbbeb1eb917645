"""Weights from statistics of the gradients, as physics-informed networks are trained."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from keras_multiloss._checks import check_between, check_choice, check_count, check_positive
from keras_multiloss._messages import error
from keras_multiloss._platform import ops, weighted_sum
from keras_multiloss._saving import serializable
from keras_multiloss.aggregation._aggregator import Aggregator, State
from keras_multiloss.aggregation._positive_losses import losses_above_zero

#: The statistics of each entry of the gradients, which have a term of reference.
OF_ENTRIES = ("max_mean", "max_weighted_mean")


@serializable
class LearningRateAnnealing(Aggregator):
    r"""Weights that bring the gradients of all terms of a physics-informed network to one size.

    $$\lambda_i \leftarrow (1 - \alpha)\, \lambda_i + \alpha\, \hat\lambda_i,\qquad
    d = \sum_i \lambda_i\, g_i$$

    from weights of 1, where $\hat\lambda_i$ is, by `statistic`,

    - `"max_mean"`: $\max_k \lvert g_{rk} \rvert \,/\, \frac1n \sum_k \lvert g_{ik} \rvert$, with
      the term $r$ of reference, the residual of the equation, whose weight stays 1. It sees each
      entry of the gradients.
    - `"max_weighted_mean"`: the same, with the mean of the weighted gradients $\lambda_i\, g_i$.
      The weights settle near the root of the ratio instead of the ratio itself, which grows
      without bound as a term is fitted.
    - `"norm"`: $\sum_j \lVert g_j \rVert / \lVert g_i \rVert$, with weights for all terms.
    - `"root_norm"`: the same for the gradients of $\sqrt{L_i}$, whose lengths are
      $\lVert g_i \rVert / 2 \sqrt{L_i}$. Losses below 1e-8 count as 1e-8.

    The first is that of the paper of 2021, the second of its authors' code, the third of the paper
    of 2023. The paper of 2022 has
    $\hat\lambda_i = \operatorname{tr} K / \operatorname{tr} K_{ii}$ with the neural tangent kernel
    $K$, which is a sum over the points of a batch. Gradients of losses do not determine it, so no
    rule here computes it. `"root_norm"` is what PhysicsNeMo calls NTK: for a mean of squares over
    $N$ points with the residuals $r$,
    $\lVert \nabla \sqrt{L_i} \rVert^2 = r^\top K_{ii}\, r / N \lVert r \rVert^2$, the kernel in the
    direction of the residuals instead of its trace.

    A weight can be as large as the ratio of two gradients has been. A gradient that is 0 moves no
    weight. The statistics are over the parameters that terms share.

    Args:
        alpha: share of a step in the weights, above 0 and up to 1. The paper of 2021 recommends
            0.9; the code of its authors keeps 0.9 of the past, as does the paper of 2023, which is
            0.1 here.
        reference: for `"max_mean"` and `"max_weighted_mean"`, the place of the term of reference;
            by default the first.
        statistic: what a weight is made of, as above.

    Raises:
        TypeError: if `reference` is not an integer.
        ValueError: if an argument is out of range, `reference` is given for another statistic, or
            `"root_norm"` is used without losses.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> rule = kml.aggregation.LearningRateAnnealing(alpha=0.5)
        >>> gradient = rule(np.array([[4.0, 2.0, 0.0], [0.0, 0.0, 1.5]]))
        >>> [round(float(x), 4) for x in gradient]
        [4.0, 2.0, 6.75]

    References:
        Wang, Teng and Perdikaris, "Understanding and mitigating gradient flow pathologies in
        physics-informed neural networks", SIAM J. Sci. Comput. 2021. Wang, Sankaran, Wang and
        Perdikaris, "An expert's guide to training physics-informed neural networks",
        arXiv:2308.08468, 2023. Wang, Yu and Perdikaris, "When and why PINNs fail to train: a
        neural tangent kernel perspective", J. Comput. Phys. 2022.
    """

    def __init__(
        self,
        *,
        alpha: float = 0.1,
        reference: int | None = None,
        statistic: Literal[
            "max_mean", "max_weighted_mean", "norm", "root_norm"
        ] = "max_weighted_mean",
    ) -> None:
        where = type(self).__name__
        self.alpha = check_between(where, "alpha", check_positive(where, "alpha", alpha), 0.0, 1.0)
        check_choice(where, "statistic", statistic, [*OF_ENTRIES, "norm", "root_norm"])
        self.statistic = statistic
        self.reference = _checked_reference(where, reference, statistic)
        self.needs_jacobian = statistic in OF_ENTRIES
        self.needs_losses = statistic == "root_norm"

    def initial_state(self, n_tasks: int, n_parameters: int) -> dict[str, Any]:
        del n_parameters
        return {"weights": np.ones(n_tasks, "float32")}

    def advance(self, gradients: Any, losses: Any, state: State) -> State:
        gradients = ops.convert_to_tensor(gradients)
        if self.needs_jacobian:
            found, is_known = self._of_entries(gradients, state["weights"])
        else:
            found, is_known = self._of_lengths(gradients, losses)
        moved = (1.0 - self.alpha) * state["weights"] + self.alpha * found
        return {**state, "weights": ops.where(is_known, moved, state["weights"])}

    def _of_entries(self, jacobian: Any, weights: Any) -> tuple[Any, Any]:
        """The weights of a step, and which of them its gradients determine."""
        sizes = ops.abs(jacobian)
        means, n_tasks = ops.mean(sizes, axis=1), jacobian.shape[0]
        if self.statistic == "max_weighted_mean":
            means = weights * means
        place = self._place_of_reference(n_tasks)
        most = ops.max(sizes[place])
        # A comparison that NaN fails would hide it.
        is_zero = ops.logical_or(ops.equal(means, 0.0), ops.equal(most, 0.0))
        is_kept = ops.logical_or(is_zero, ops.equal(ops.arange(n_tasks), place))
        return most / ops.where(is_zero, ops.ones_like(means), means), ops.logical_not(is_kept)

    def _of_lengths(self, gramian: Any, losses: Any) -> tuple[Any, Any]:
        lengths = ops.sqrt(ops.diagonal(gramian))
        if self.needs_losses:
            lengths = lengths / ops.sqrt(losses_above_zero(type(self).__name__, losses))
        is_zero = ops.equal(lengths, 0.0)
        found = ops.sum(lengths) / ops.where(is_zero, ops.ones_like(lengths), lengths)
        return found, ops.logical_not(is_zero)

    def _place_of_reference(self, n_tasks: int) -> int:
        place = self.reference or 0
        if place < n_tasks:
            return place
        raise error(
            ValueError,
            type(self).__name__,
            "`reference` does not fit the tasks",
            expected=f"the place of one of {n_tasks} tasks, from 0 to {n_tasks - 1}",
            received=repr(place),
        )

    def weights(self, gramian: Any, state: State | None = None) -> Any:
        if self.needs_jacobian:
            return super().weights(gramian, state)
        if state is None:
            state = self.starting_state(gramian.shape[0], 1)
        return state["weights"]

    def combine(self, jacobian: Any, state: State | None = None) -> Any:
        if state is None:
            return self(jacobian)
        return weighted_sum(state["weights"], jacobian)


def _checked_reference(where: str, reference: int | None, statistic: str) -> int | None:
    if reference is None:
        return None
    if statistic in OF_ENTRIES:
        return check_count(where, "reference", reference, least=0)
    raise error(
        ValueError,
        where,
        f"the statistic {statistic!r} has no term of reference",
        expected=f"`reference` with {' or '.join(map(repr, OF_ENTRIES))} only",
        received=f"reference={reference!r}",
    )
