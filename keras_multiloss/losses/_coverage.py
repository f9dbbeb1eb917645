"""Attention that should look at each place once."""

from __future__ import annotations

from typing import Any

from keras_multiloss._messages import error
from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.evaluation import static_shape
from keras_multiloss.losses._input_checks import check_no_label, check_one_output
from keras_multiloss.losses._joint_loss import JointLoss, Reduction


@serializable
class CoverageLoss(JointLoss):
    r"""Attention paid to places that earlier steps have attended to.

    $$\ell_t = \sum_i \min\left(a_{ti},\; \sum_{u<t} a_{ui}\right)$$

    It keeps a decoder from repeating itself. For attention weights that sum to 1 each step
    lies between 0 and 1, and the first step is 0. It needs no label: give the term
    `labels=None`.

    Args:
        reduction: as for `JointLoss`.
        name: name of the loss.

    Shape:
        - y_true: `None`.
        - y_pred: one output, the attention weights as `(batch, n_steps, n_places)`.
        - result: `(batch, n_steps)`; steps that Keras's masking layers mark are left out.

    Raises:
        ValueError: if there is not one output with these axes.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> loss = kml.losses.CoverageLoss(reduction="none")
        >>> attention = np.array([[[1.0, 0.0], [0.75, 0.25], [0.0, 1.0]]])
        >>> [float(step) for step in loss(None, attention)[0]]
        [0.0, 0.75, 0.25]

    References:
        See, Liu and Manning, "Get to the point: summarization with pointer-generator
        networks", ACL 2017.
    """

    is_sample_wise = True

    def __init__(
        self,
        *,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "coverage",
    ) -> None:
        super().__init__(reduction=reduction, name=name)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        where = type(self).__name__
        check_no_label(where, y_true)
        attention = check_one_output(where, y_pred)
        shape = static_shape(attention)
        if shape is not None and len(shape) != 3:
            raise error(
                ValueError,
                where,
                "its output has no steps",
                expected="attention weights of shape (batch, n_steps, n_places)",
                received=f"shape {shape}",
            )
        covered = ops.cumsum(attention, axis=1) - attention
        return ops.sum(ops.minimum(attention, covered), axis=-1)
