"""One sign for each entry of the gradient, drawn by majority."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_multiloss._checks import check_between, check_seed
from keras_multiloss._messages import error
from keras_multiloss._platform import ops, uniform
from keras_multiloss._saving import serializable
from keras_multiloss.aggregation._aggregator import Aggregator, State, step_of

if TYPE_CHECKING:
    from collections.abc import Sequence


@serializable
class GradDrop(Aggregator):
    r"""The sum of the task gradients, with the parts of one sign only in each entry.

    $$P = \tfrac12\left(1 + \frac{\sum_i g_i}{\sum_i \lvert g_i \rvert}\right),\qquad
    d = \sum_i \big(\ell_i + (1 - \ell_i)\, M_i\big)\, g_i$$

    for each entry: it keeps its positive parts with probability $P$, and its negative parts
    otherwise; $M_i$ is 1 for what is kept and 0 for what is dropped. Each draw is a function of
    the seed and the step, so that a run continues from a file with the same draws, on the same
    backend; others draw other numbers.

    Args:
        leak: $\ell$, the share of what is dropped that passes all the same, from 0 to 1; one
            number, or one for each task in their order.
        seed: an integer, 0 or more; by default one that `keras.utils.set_random_seed` determines.

    Raises:
        TypeError: if the seed is not an integer.
        ValueError: if an argument is out of range; when it is used, if there is not one leak for
            each task.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> gradient = kml.aggregation.GradDrop()(np.array([[-4.0, 1.0, 1.0], [6.0, 1.0, 2.0]]))
        >>> float(gradient[0]) in {-4.0, 6.0}
        True
        >>> [float(x) for x in gradient[1:]]
        [2.0, 3.0]

    References:
        Chen et al., "Just pick a sign: Optimizing deep multitask models with gradient sign
        dropout", NeurIPS 2020.
    """

    needs_jacobian = True

    def __init__(self, leak: float | Sequence[float] = 0.0, seed: int | None = None) -> None:
        where = type(self).__name__
        self.leak = _checked_leak(where, leak)
        self.seed = check_seed(where, seed)

    def combine(self, jacobian: Any, state: State | None = None) -> Any:
        magnitude = ops.sum(ops.abs(jacobian), axis=0)
        balance = ops.sum(jacobian, axis=0) / ops.where(
            magnitude > 0, magnitude, ops.ones_like(magnitude)
        )
        shape = (ops.shape(jacobian)[1],)
        drawn = uniform(shape, seed=self.seed, step=step_of(state))
        keeps_positive = drawn <= (1.0 + balance) / 2.0
        is_kept = ops.equal(jacobian > 0, ops.expand_dims(keeps_positive, 0))
        leak = self._leaks(jacobian.shape[0])
        return ops.sum(ops.where(is_kept, jacobian, leak * jacobian), axis=0)

    def _leaks(self, n_tasks: int) -> Any:
        """The leak of each task, or the one of all, as a column."""
        leaks = self.leak if isinstance(self.leak, list) else [self.leak] * n_tasks
        if len(leaks) != n_tasks:
            raise error(
                ValueError,
                type(self).__name__,
                "`leak` does not fit the tasks",
                expected=f"one number, or {n_tasks} numbers, one for each task",
                received=repr(self.leak),
            )
        return ops.convert_to_tensor(np.array(leaks, "float32")[:, None])


def _checked_leak(where: str, leak: Any) -> float | list[float]:
    if isinstance(leak, (list, tuple)):
        return [check_between(where, f"leak[{i}]", x, 0.0, 1.0) for i, x in enumerate(leak)]
    return check_between(where, "leak", leak, 0.0, 1.0)
