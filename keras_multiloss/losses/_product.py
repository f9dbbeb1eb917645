"""The likelihood of an event that takes several events to happen."""

from __future__ import annotations

import math
from typing import Any

from keras_multiloss._checks import check_bool
from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.evaluation import align, same_shape
from keras_multiloss.losses._input_checks import check_one_label, check_one_shape, check_several
from keras_multiloss.losses._joint_loss import JointLoss, Reduction
from keras_multiloss.losses._probabilities import log_bernoulli

LOG_2 = math.log(2.0)


@serializable
class ProductBinaryCrossentropy(JointLoss):
    r"""Binary cross-entropy of an event that happens if each of several events does.

    $$\ell = -y \log P - (1-y) \log (1-P), \quad P = \prod_{t=1}^{T} p_t$$

    Each output is the probability of a step given the steps before it, such as a conversion
    given a click; only the last step of the funnel has a label. Where $P$ is near 1,
    $1-P$ is the sum over the steps at which the chain breaks,
    $\sum_t (1-p_t)\prod_{u<t} p_u$, which keeps all its digits.

    Args:
        from_logits: whether the outputs are logits rather than probabilities.
        reduction: as for `JointLoss`.
        name: name of the loss.

    Shape:
        - y_true: `(batch,)` or of the shape of an output; 0, 1, or between them.
        - y_pred: a tuple of two or more outputs of one shape, such as `(batch, 1)`.
        - result: of the shape of an output, so that a mask leaves out single entries.

    Raises:
        ValueError: if there are not several outputs and one label, or their shapes differ.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> click, conversion = np.array([[0.5]]), np.array([[0.5]])
        >>> loss = kml.losses.ProductBinaryCrossentropy()
        >>> round(float(np.exp(-loss(np.array([[1.0]]), (click, conversion)))), 3)
        0.25
        >>> round(float(np.exp(-loss(np.array([[0.0]]), (click, conversion)))), 3)
        0.75

    References:
        Ma et al., "Entire space multi-task model: an effective approach for estimating
        post-click conversion rate", SIGIR 2018.
    """

    is_sample_wise = True

    def __init__(
        self,
        *,
        from_logits: bool = False,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "product_binary_crossentropy",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        self.from_logits = check_bool(type(self).__name__, "from_logits", from_logits)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        where = type(self).__name__
        outputs = check_several(where, y_pred)
        check_one_shape(where, outputs)
        label, _ = align(check_one_label(where, y_true), outputs[0])
        label = ops.cast(same_shape(where, label, outputs[0]), "float32")
        log_all, log_not_all = self._log_probabilities(outputs)
        return -(label * log_all + (1.0 - label) * log_not_all)

    def _log_probabilities(self, outputs: tuple[Any, ...]) -> tuple[Any, Any]:
        """The logarithms of the probability that all events happen, and that not all do."""
        log_all, breaks = ops.zeros_like(outputs[0]), []
        for output in outputs:
            log_p, log_not_p = log_bernoulli(output, from_logits=self.from_logits)
            breaks.append(log_all + log_not_p)
            log_all = log_all + log_p
        # The sum loses digits where not all is almost certain, the difference elsewhere.
        is_unlikely = log_all < -LOG_2
        difference = ops.log1p(-ops.exp(ops.minimum(log_all, -LOG_2)))
        return log_all, ops.where(is_unlikely, difference, ops.logsumexp(ops.stack(breaks), axis=0))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "from_logits": self.from_logits}
