"""Unlabelled samples whose confident predictions are the labels of another view of them."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_between, check_bool
from keras_multiloss._messages import error
from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.losses._input_checks import (
    check_no_label,
    check_one_shape,
    check_roles,
    check_several_classes,
)
from keras_multiloss.losses._joint_loss import JointLoss, Reduction
from keras_multiloss.losses._probabilities import EPSILON, log_categorical


@serializable
class PseudoLabelLoss(JointLoss):
    r"""Cross-entropy of one view of a sample against the class that another view is sure of.

    $$\ell = \begin{cases} -\log p_c, \quad c = \arg\max_i q_i & \max_i q_i \ge \theta \\
    0 & \text{otherwise} \end{cases}$$

    $p$ is the prediction for the strongly augmented view of a sample, $q$ that for the weakly
    augmented one. No gradient flows to $q$. Samples below the threshold have the value 0 and
    count in the mean, as in FixMatch: the term grows as the model becomes sure of more samples.
    It needs no label: give the term `labels=None`.

    With a third output, the prediction $r$ for the weak view of labelled samples, the threshold
    is relative, as in AdaMatch: $\theta$ times the mean of $\max_i r_i$ over the batch. No
    gradient flows to $r$ either. With `align_distribution`, the threshold and the class are
    read from $\tilde q \propto q \cdot \bar r / \bar q$ (bars are means over the batch), whose
    classes are as frequent as the model finds them in labelled samples.

    Args:
        threshold: $\theta$, from 0 (every sample counts) to 1; how sure the weak view must be.
        align_distribution: whether to move the weak predictions to the class frequencies of
            the labelled ones; needs the third output.
        from_logits: whether the outputs are logits rather than probabilities.
        reduction: as for `JointLoss`.
        name: name of the loss.

    Shape:
        - y_true: `None`.
        - y_pred: `(strong, weak)` or `(strong, weak, labelled)`, all
          `(batch, ..., n_classes)`; there may be fewer or more labelled samples than others.
        - result: `(batch, ...)`.

    Raises:
        ValueError: if there are not two or three outputs of one shape, or two only with
            `align_distribution`, if there is a label, or the threshold is out of range.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> strong = np.array([[0.5, 0.5], [0.5, 0.5]])
        >>> weak = np.array([[0.01, 0.99], [0.2, 0.8]])
        >>> loss = kml.losses.PseudoLabelLoss(threshold=0.95, reduction="none")
        >>> [round(float(x), 3) for x in loss(None, (strong, weak))]
        [0.693, 0.0]
        >>> labelled = np.array([[0.2, 0.8], [0.7, 0.3]])  # 0.95 times 0.75 is enough
        >>> [round(float(x), 3) for x in loss(None, (strong, weak, labelled))]
        [0.693, 0.693]

    References:
        Sohn et al., "FixMatch: simplifying semi-supervised learning with consistency and
        confidence", NeurIPS 2020.
        Berthelot et al., "AdaMatch: a unified approach to semi-supervised learning and domain
        adaptation", ICLR 2022 (three outputs).
    """

    def __init__(
        self,
        *,
        threshold: float = 0.95,
        align_distribution: bool = False,
        from_logits: bool = False,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "pseudo_label",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        where = "PseudoLabelLoss"
        self.threshold = check_between(where, "threshold", threshold, 0.0, 1.0)
        self.align_distribution = check_bool(where, "align_distribution", align_distribution)
        self.from_logits = check_bool(where, "from_logits", from_logits)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        check_no_label(type(self).__name__, y_true)
        strong, weak, labelled = self._outputs(y_pred)
        log_p = log_categorical(strong, from_logits=self.from_logits)
        weak, threshold = self._probabilities(weak), self.threshold
        if labelled is not None:
            labelled = self._probabilities(labelled)
            threshold = threshold * ops.mean(_of_class(_likeliest(labelled), labelled))
        if self.align_distribution:
            weak = _aligned(weak, labelled)
        classes = _likeliest(weak)
        values = -_of_class(classes, log_p)
        is_sure = _of_class(classes, weak) >= threshold
        return ops.where(is_sure, values, ops.zeros_like(values))

    def _outputs(self, y_pred: Any) -> tuple[Any, Any, Any]:
        """The two views, and the predictions for labelled samples or `None`."""
        where = type(self).__name__
        has_labelled = isinstance(y_pred, (list, tuple)) and len(y_pred) == 3
        roles = ("strong", "weak", *(["labelled"] if has_labelled else []))
        outputs = check_roles(where, y_pred, *roles)
        check_one_shape(where, outputs[:2])
        if has_labelled:  # of which there may be fewer or more
            check_one_shape(where, (outputs[0][:1], outputs[2][:1]))
        check_several_classes(where, outputs[0], "give both classes, 1 - p and p")
        if self.align_distribution and not has_labelled:
            raise error(
                ValueError,
                where,
                "it has no distribution to align with",
                expected="the outputs (strong, weak, labelled), in this order",
                received="the outputs (strong, weak)",
                hint="name the output of labelled samples too, or leave out `align_distribution`",
            )
        return (*outputs, *([] if has_labelled else [None]))

    def _probabilities(self, output: Any) -> Any:
        output = ops.stop_gradient(output)
        return ops.softmax(output, axis=-1) if self.from_logits else output

    def get_config(self) -> dict[str, Any]:
        own = {
            "threshold": self.threshold,
            "align_distribution": self.align_distribution,
            "from_logits": self.from_logits,
        }
        return {**super().get_config(), **own}


def _likeliest(p: Any) -> Any:
    """The class of each distribution, in an axis of one entry."""
    return ops.expand_dims(ops.cast(ops.argmax(p, axis=-1), "int32"), -1)


def _of_class(classes: Any, scores: Any) -> Any:
    """The score of one class of each distribution; unlike a maximum, also in an empty batch."""
    return ops.take_along_axis(scores, classes, axis=-1)[..., 0]


def _aligned(weak: Any, labelled: Any) -> Any:
    """The predictions with the class frequencies of the labelled ones, once more distributions."""
    over_samples = tuple(range(len(weak.shape) - 1))
    wanted, found = (ops.mean(p, axis=over_samples) + EPSILON for p in (labelled, weak))
    moved = weak * (wanted / found)
    return moved / ops.sum(moved, axis=-1, keepdims=True)
