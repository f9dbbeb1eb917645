"""Weights that do not depend on the gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_multiloss._checks import check_finite_number
from keras_multiloss._messages import error
from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.aggregation._aggregator import Aggregator, State
from keras_multiloss.aggregation._preference import check_numbers_listed

if TYPE_CHECKING:
    from collections.abc import Sequence


@serializable
class Mean(Aggregator):
    r"""The mean of the task gradients.

    $$w_i = \frac1T$$

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> [float(x) for x in kml.aggregation.Mean()(np.array([[-4.0, 1.0], [6.0, 1.0]]))]
        [1.0, 1.0]
    """

    def weights(self, gramian: Any, state: State | None = None) -> Any:  # noqa: ARG002
        return ops.ones_like(_diagonal(gramian)) / gramian.shape[0]


@serializable
class Sum(Aggregator):
    r"""The sum of the task gradients: what training on the total loss does.

    $$w_i = 1$$

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> [float(x) for x in kml.aggregation.Sum()(np.array([[-4.0, 1.0], [6.0, 1.0]]))]
        [2.0, 2.0]
    """

    def weights(self, gramian: Any, state: State | None = None) -> Any:  # noqa: ARG002
        return ops.ones_like(_diagonal(gramian))


@serializable
class Constant(Aggregator):
    r"""Given weights, the same at each step.

    Args:
        values: $w$, one number for each task, in their order.

    Raises:
        TypeError: if they are not a list, or a value is not a number.
        ValueError: if a value is not finite; when it is used, if there is not one for each task.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> rule = kml.aggregation.Constant([2.0, 1.0])
        >>> [float(x) for x in rule(np.array([[-4.0, 1.0], [6.0, 1.0]]))]
        [-2.0, 3.0]
    """

    def __init__(self, values: Sequence[float]) -> None:
        where = type(self).__name__
        listed = check_numbers_listed(where, "values", values, "a number for each task, [2.0, 1.0]")
        self.values = [check_finite_number(where, f"values[{i}]", x) for i, x in enumerate(listed)]

    def weights(self, gramian: Any, state: State | None = None) -> Any:  # noqa: ARG002
        if gramian.shape[0] != len(self.values):
            raise error(
                ValueError,
                type(self).__name__,
                "`values` does not fit the tasks",
                expected=f"{gramian.shape[0]} numbers, one for each task",
                received=repr(self.values),
            )
        return ops.convert_to_tensor(np.array(self.values, "float32"))


def _diagonal(gramian: Any) -> Any:
    return ops.diagonal(ops.cast(ops.convert_to_tensor(gramian), "float32"))
