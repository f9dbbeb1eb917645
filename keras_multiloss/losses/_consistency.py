"""Outputs that ought to agree."""

from __future__ import annotations

import math
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

from keras_multiloss._checks import check_bool, check_choice
from keras_multiloss._messages import error
from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.losses._input_checks import (
    check_no_label,
    check_one_shape,
    check_several,
    check_several_classes,
)
from keras_multiloss.losses._joint_loss import JointLoss, Reduction
from keras_multiloss.losses._probabilities import log_categorical
from keras_multiloss.losses._vectors import cosines, mean_squares

if TYPE_CHECKING:
    from collections.abc import Callable

Divergence = Literal["mse", "cosine", "kl", "jensen_shannon"]


@serializable
class ConsistencyLoss(JointLoss):
    r"""Disagreement of two or more outputs.

    With $\langle\cdot\rangle$ the mean over all pairs $a, b$ of the $T$ outputs:

    - `"mse"`: $\langle \tfrac1n \sum_i (a_i-b_i)^2 \rangle$;
    - `"cosine"`: $1 - \langle \cos(a, b) \rangle$;
    - `"kl"`: $\langle \tfrac12 \mathrm{KL}(a\|b) + \tfrac12 \mathrm{KL}(b\|a) \rangle$;
    - `"jensen_shannon"`: $\tfrac1T \sum_t \mathrm{KL}(a_t\|m)$, where $m$ is the mean of
      the $T$ distributions; it lies between 0 and $\log T$.

    The order of the outputs does not matter. It needs no label: give the term
    `labels=None`.

    Args:
        divergence: the measure of disagreement, see above.
        from_logits: for `"kl"` and `"jensen_shannon"`, whether the outputs are logits
            rather than probabilities.
        reduction: as for `JointLoss`.
        name: name of the loss.

    Shape:
        - y_true: `None`.
        - y_pred: a tuple of two or more outputs of one shape, `(batch, ..., n)`; for `"kl"`
          and `"jensen_shannon"` distributions over the last axis.
        - result: `(batch, ...)`. The cosine with an output of length zero counts as 0.

    Raises:
        ValueError: if there are not several outputs of one shape, the divergence is unknown,
            `from_logits` does not apply to it, or distributions have a single class.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> left, right = np.array([[0.9, 0.1]]), np.array([[0.5, 0.5]])
        >>> for divergence in ("mse", "cosine", "kl", "jensen_shannon"):
        ...     loss = kml.losses.ConsistencyLoss(divergence)
        ...     print(divergence, round(float(loss(None, (left, right))), 3))
        mse 0.16
        cosine 0.219
        kl 0.439
        jensen_shannon 0.102

    References:
        Lin, "Divergence measures based on the Shannon entropy", IEEE Transactions on
        Information Theory, 1991.
        Liang et al., "R-Drop: regularized dropout for neural networks", NeurIPS 2021 (kl).
        Hendrycks et al., "AugMix: a simple data processing method to improve robustness and
        uncertainty", ICLR 2020 (jensen_shannon).
    """

    is_sample_wise = True

    def __init__(
        self,
        divergence: Divergence = "mse",
        *,
        from_logits: bool = False,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "consistency",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        where = "ConsistencyLoss"
        check_choice(where, "divergence", divergence, [*_OF_VECTORS, *_OF_LOGARITHMS])
        if from_logits and divergence not in _OF_LOGARITHMS:
            raise error(
                ValueError,
                where,
                "`from_logits` does not apply to this divergence",
                expected=f"from_logits=False, or a divergence of {list(_OF_LOGARITHMS)}",
                received=repr(divergence),
            )
        self.divergence = divergence
        self.from_logits = check_bool(type(self).__name__, "from_logits", from_logits)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        where = type(self).__name__
        check_no_label(where, y_true)
        outputs = check_several(where, y_pred)
        check_one_shape(where, outputs)
        if self.divergence in _OF_VECTORS:
            return _OF_VECTORS[self.divergence](outputs)
        check_several_classes(where, outputs[0], "use 'mse' for single probabilities")
        logs = [log_categorical(output, from_logits=self.from_logits) for output in outputs]
        return _OF_LOGARITHMS[self.divergence](logs)

    def get_config(self) -> dict[str, Any]:
        own = {"divergence": self.divergence, "from_logits": self.from_logits}
        return {**super().get_config(), **own}


def _mean_over_output_pairs(pairwise: Callable[[Any, Any], Any], outputs: Any) -> Any:
    return ops.mean(ops.stack([pairwise(a, b) for a, b in combinations(outputs, 2)]), axis=0)


def _mse(outputs: Any) -> Any:
    return _mean_over_output_pairs(mean_squares, outputs)


def _cosine(outputs: Any) -> Any:
    return 1.0 - _mean_over_output_pairs(cosines, outputs)


def _kl(logs: Any) -> Any:
    """The symmetric divergence of distributions given by their logarithms."""
    return _mean_over_output_pairs(
        lambda a, b: 0.5 * ops.sum((ops.exp(a) - ops.exp(b)) * (a - b), axis=-1), logs
    )


def _jensen_shannon(logs: Any) -> Any:
    """The mean divergence of distributions, given by their logarithms, from their mean."""
    stacked = ops.stack(logs)
    log_mean = ops.logsumexp(stacked, axis=0) - math.log(len(logs))
    divergences = ops.sum(ops.exp(stacked) * (stacked - log_mean), axis=-1)
    return ops.mean(divergences, axis=0)


_OF_VECTORS = {"mse": _mse, "cosine": _cosine}
_OF_LOGARITHMS = {"kl": _kl, "jensen_shannon": _jensen_shannon}
