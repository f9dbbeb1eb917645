"""The likelihood of a sum of which only the parts are predicted."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from keras_multiloss._checks import check_bool
from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.evaluation import rank, sparse_label
from keras_multiloss.losses._input_checks import check_one_label, check_several
from keras_multiloss.losses._joint_loss import JointLoss, Reduction
from keras_multiloss.losses._probabilities import log_categorical

#: Stands for log 0; unlike minus infinity it has gradients that are numbers.
LOG_ZERO = -1e30

#: The loss of a label that no sum can be: the largest -log p of a normal float32 number.
IMPOSSIBLE = float(-np.log(np.finfo("float32").tiny))


@serializable
class CategoricalSumNLL(JointLoss):
    r"""Negative log-probability that independent categorical outputs add up to the label.

    $$\ell = -\log \sum_{i_1 + \dots + i_T = y} \; \prod_{t=1}^{T} p_t(i_t)$$

    Class $i$ stands for the number $i$. The distribution of the sum is the convolution of
    the outputs' distributions, computed in logarithms.

    Args:
        from_logits: whether the outputs are logits rather than probabilities. Logits are
            more precise; probabilities below 1e-7 are read as 1e-7.
        reduction: as for `JointLoss`.
        name: name of the loss.

    Shape:
        - y_true: integers, `(batch,)` or `(batch, 1)`. A label that is not a possible sum
          (negative, too large, or not whole) has a constant loss of 87.3, that is $-\log$
          of the smallest normal float32 number, and no gradient.
        - y_pred: a tuple of two or more outputs, each `(batch, n_classes)`; the numbers of
          classes may differ.
        - result: `(batch,)`. Further axes between batch and classes are kept.

    Raises:
        ValueError: if there are not several outputs and one label, or they do not fit.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> die = np.array([[0, 1, 1, 1, 1, 1, 1]]) / 6
        >>> loss = kml.losses.CategoricalSumNLL()
        >>> nll = float(loss(np.array([7]), (die, die)))  # six ways of 36
        >>> round(36 * float(np.exp(-nll)), 3)
        6.0

    References:
        Manhaeve et al., "DeepProbLog: neural probabilistic logic programming", NeurIPS
        2018 (the addition of MNIST digits).
    """

    is_sample_wise = True

    def __init__(
        self,
        *,
        from_logits: bool = False,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "categorical_sum_nll",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        self.from_logits = check_bool(type(self).__name__, "from_logits", from_logits)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        where = type(self).__name__
        outputs = check_several(where, y_pred)
        label = sparse_label(where, check_one_label(where, y_true), outputs[0])
        logs = [log_categorical(output, from_logits=self.from_logits) for output in outputs]
        log_sums = functools.reduce(_log_convolve, logs)
        return _negative_at(log_sums, ops.cast(label, "float32"))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "from_logits": self.from_logits}


def _log_convolve(log_p: Any, log_q: Any) -> Any:
    """The log-distribution of the sum of two numbers, from those of the numbers."""
    n, k = int(log_p.shape[-1]), int(log_q.shape[-1])
    sides = [[0, 0]] * ((rank(log_p) or 2) - 1) + [[k - 1, k - 1]]
    padded = ops.pad(log_p, sides, constant_values=LOG_ZERO)
    # Sum s is made of s - i and i, for each i; s - i stands k - 1 places on in `padded`.
    places = np.arange(n + k - 1)[:, None] - np.arange(k)[None, :] + k - 1
    ways = ops.take(padded, places, axis=-1) + ops.expand_dims(log_q, -2)
    return ops.logsumexp(ways, axis=-1)


def _negative_at(log_sums: Any, label: Any) -> Any:
    """Minus the entries at the labels, or `IMPOSSIBLE` where a label is outside of them."""
    last = int(log_sums.shape[-1]) - 1
    index = ops.clip(ops.round(label), 0.0, float(last))
    is_possible = ops.equal(index, label)
    index = ops.where(is_possible, index, ops.zeros_like(index))
    chosen = ops.take_along_axis(log_sums, ops.expand_dims(ops.cast(index, "int32"), -1), axis=-1)
    nll = -ops.squeeze(chosen, -1)
    return ops.where(is_possible, nll, ops.full_like(nll, IMPOSSIBLE))
