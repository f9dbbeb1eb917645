"""The loss whose output function, unlike softmax, gives exact zeros."""

from __future__ import annotations

import math
from typing import Any

from keras_multiloss._messages import error
from keras_multiloss._platform import dtype_name, ops
from keras_multiloss.evaluation import to_tensor
from keras_multiloss.losses._addons_loss import (
    AddonsLoss,
    AddonsReduction,
    from_addons,
    in_working_precision,
)


@from_addons("vector")
def sparsemax_loss(
    logits: Any,
    sparsemax: Any,
    labels: Any,
    name: str | None = None,  # noqa: ARG001 (TensorFlow Addons has it)
) -> Any:
    """The sparsemax loss of each row, given sparsemax itself; see `SparsemaxLoss`.

    Args:
        logits: outputs, `(batch, ..., n_classes)`.
        sparsemax: the sparsemax of the logits, of the same shape.
        labels: probabilities of the same shape.
        name: not used; TensorFlow Addons has it.

    Returns:
        One value per row, `(batch, ...)`, in the dtype of `logits`.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> logits, label = np.array([[0.0, 0.5]]), np.array([[1.0, 0.0]])
        >>> values = kml.losses.sparsemax_loss(logits, np.array([[0.25, 0.75]]), label)
        >>> [round(float(x), 4) for x in values]
        [0.5625]
    """
    labels, logits, dtype = in_working_precision(labels, logits)
    sparsemax = ops.cast(to_tensor(sparsemax), dtype_name(logits))
    # A probability of 0 times an infinite logit counts as 0, not as NaN.
    zero, is_ruled_out = ops.zeros_like(logits), logits == -math.inf
    of_support = ops.where(sparsemax == 0, zero, logits)
    of_labels = ops.where(ops.logical_and(labels == 0, is_ruled_out), zero, logits)
    conjugate = sparsemax * of_support - 0.5 * ops.square(sparsemax)
    negentropy = 0.5 * ops.square(labels) - labels * of_labels
    return ops.cast(ops.sum(conjugate + negentropy, axis=-1), dtype)


@from_addons("vector")
def sparsemax_loss_from_logits(y_true: Any, logits_pred: Any) -> Any:
    """The sparsemax loss of each row; see `SparsemaxLoss` for the formula.

    Args:
        y_true: probabilities, `(batch, ..., n_classes)`.
        logits_pred: outputs of the same shape.

    Returns:
        One value per row, `(batch, ...)`, in the dtype of `logits_pred`.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> label, output = np.array([[1.0, 0.0]]), np.array([[0.0, 0.5]])
        >>> [round(float(x), 4) for x in kml.losses.sparsemax_loss_from_logits(label, output)]
        [0.5625]
    """
    y_true, logits, dtype = in_working_precision(y_true, logits_pred)
    # The derivative by sparsemax(z) is 0 where it is a distribution (Danskin's theorem).
    return ops.cast(sparsemax_loss(logits, sparsemax(ops.stop_gradient(logits)), y_true), dtype)


@from_addons("vector")
class SparsemaxLoss(AddonsLoss):
    r"""Sparsemax loss, a convex loss of logits that reaches its minimum exactly.

    $$\ell = p^\top z - \tfrac12\lVert p\rVert^2 + \tfrac12\lVert y\rVert^2 - y^\top z,\qquad
    p = \operatorname{sparsemax}(z) = \operatorname*{arg\,min}_{p\in\Delta}\lVert p-z\rVert^2$$

    As for softmax and cross-entropy, the gradient by $z$ is $p-y$. The loss is 0 if $p=y$,
    which for a one-hot label is where its logit is larger than all others by 1 or more. A
    logit may be $-\infty$: its class has no probability (the loss of a label there is
    infinite). A row without a finite logit has no sparsemax, and the value NaN.

    Args:
        from_logits: only `True` is possible.
        reduction: `"sum_over_batch_size"` (also called `"auto"`), `"sum"` or `"none"`.
        name: name of the loss.

    Shape:
        - y_true: `(batch, ..., n_classes)`, one-hot or other probabilities.
        - y_pred: logits of the same shape.
        - values: `(batch, ...)`.

    Raises:
        ValueError: if `from_logits` is not `True`, or the reduction is unknown.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> label, output = np.array([[1.0, 0.0]]), np.array([[0.0, 0.5]])
        >>> float(kml.losses.SparsemaxLoss()(label, output))
        0.5625
        >>> float(kml.losses.SparsemaxLoss()(label, np.array([[2.0, 0.5]])))
        0.0

    References:
        Martins and Astudillo, "From softmax to sparsemax: a sparse model of attention and
        multi-label classification", ICML 2016.
        Blondel, Martins and Niculae, "Learning with Fenchel-Young losses", JMLR 2020.
    """

    is_sample_wise = True
    function = sparsemax_loss_from_logits

    def __init__(
        self,
        from_logits: bool = True,
        reduction: AddonsReduction = "sum_over_batch_size",
        name: str | None = "sparsemax_loss",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        if from_logits is not True:
            raise error(
                ValueError,
                "SparsemaxLoss",
                "the outputs must be logits",
                expected="from_logits=True",
                received=repr(from_logits),
                hint="drop the activation of the output layer",
            )
        self.from_logits = from_logits

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "from_logits": self.from_logits}


def sparsemax(logits: Any) -> Any:
    """The point of the simplex that is nearest to the logits, along the last axis.

    It is `max(z - threshold, 0)`; the threshold makes the entries that are left add up to 1.
    """
    largest_first = -ops.sort(-logits, axis=-1)
    # Shifted logits give the same point, and lose no digits of large ones.
    largest = largest_first[..., :1]
    z, largest_first = logits - largest, largest_first - largest
    rank = ops.cumsum(ops.ones_like(z), axis=-1)
    is_left = 1.0 + rank * largest_first > ops.cumsum(largest_first, axis=-1)
    left = ops.where(is_left, largest_first, ops.zeros_like(z))
    n_left = ops.sum(ops.cast(is_left, dtype_name(z)), axis=-1, keepdims=True)
    threshold = (ops.sum(left, axis=-1, keepdims=True) - 1.0) / n_left
    return ops.relu(z - threshold)
