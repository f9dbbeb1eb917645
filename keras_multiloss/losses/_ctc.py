"""Sequences of classes whose places among the frames of an output are unknown."""

from __future__ import annotations

import math
from typing import Any

from keras_multiloss._checks import check_bool, check_count
from keras_multiloss._messages import error
from keras_multiloss._platform import keras_mask, ops
from keras_multiloss._saving import serializable
from keras_multiloss.evaluation import rank, static_shape
from keras_multiloss.losses._alignments import can_be_aligned, log_probability
from keras_multiloss.losses._input_checks import (
    check_labels,
    check_one_label,
    check_one_output,
    check_roles,
    one_number_a_sample,
)
from keras_multiloss.losses._joint_loss import JointLoss, Reduction


@serializable
class CTCLoss(JointLoss):
    r"""Connectionist temporal classification: a sequence of classes at unknown places.

    $$\ell = -\log \sum_{\pi \in \mathcal{B}^{-1}(y)} \prod_t p_t(\pi_t),\quad
    p_t = \operatorname{softmax}(z_t)$$

    An alignment $\pi$ gives each frame a class or the blank. $\mathcal{B}$ makes a sequence of
    it: it joins repeated classes, then drops the blanks. The loss sums over all alignments that
    make the label, so nobody has to say which frames show which class. Two equal classes in a
    row need a blank between them, hence an alignment needs as many frames as the label has
    entries, and one more for each entry that equals the one before it.

    Values and gradients are alike on all backends, and exact also where alignments are
    improbable. The value of a sample is not divided by the length of its label.

    Args:
        blank: the class number of the blank; -1 is the last class. The default is that of
            `keras.losses.CTC` and of PyTorch. Models made for `keras.backend.ctc_batch_cost`
            have the blank last.
        zero_infinity: whether a sample without any alignment (too few frames, or a class number
            that no class has) gives 0 rather than infinity. Its gradient is 0 in both cases.
        reduction: as for `JointLoss`.
        name: name of the loss.

    Shape:
        - y_true: class numbers `(batch, max_length)`; or a pair `(label, label_length)`; or a
          triple `(label, label_length, n_frames)`. Without a length, entries that are negative
          or the blank are padding, which stands at the end. With a `mask`, a sample with one
          missing entry is left out, so do not mask the number that pads.
        - y_pred: logits `(batch, frames, n_classes)`, the blank among the classes; or a pair
          `(logits, n_frames)`. Logarithms of probabilities are logits, too.
        - label_length, n_frames: `(batch,)` or `(batch, 1)`. Frames beyond `n_frames` do not
          count. Without it, those that Keras's masking layers mark do not count.
        - result: `(batch,)`. The label without entries stands for blanks only.

    Raises:
        ValueError: if the outputs or labels have other shapes, `n_frames` is given twice, or
            there is no class `blank`.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> logits = np.zeros((1, 2, 3))  # 9 alignments of 2 frames, all alike
        >>> loss = kml.losses.CTCLoss()
        >>> label = np.array([[1, 0]])  # made by 3 of them: 1 1, 1 blank, blank 1
        >>> round(float(np.exp(-loss(label, logits))), 3)
        0.333
        >>> label, label_length, n_frames = np.array([[1, 2]]), np.array([1]), np.array([1])
        >>> round(float(np.exp(-loss((label, label_length, n_frames), logits))), 3)
        0.333

    References:
        Graves et al., "Connectionist temporal classification: labelling unsegmented sequence
        data with recurrent neural networks", ICML 2006.
    """

    is_sample_wise = True

    def __init__(
        self,
        *,
        blank: int = 0,
        zero_infinity: bool = True,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "ctc",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        self.blank = check_count("CTCLoss", "blank", blank, least=-1)
        self.zero_infinity = check_bool("CTCLoss", "zero_infinity", zero_infinity)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        where = type(self).__name__
        logits, *frames_of_output = _outputs(where, y_pred)
        label, *lengths = _labels(where, y_true)
        is_frame = _are_frames(where, [*lengths[1:], *frames_of_output], logits)
        blank, n_classes = self._blank_of(logits), ops.shape(logits)[-1]
        length = _length(where, lengths[:1], label, blank)
        is_possible = can_be_aligned(label, length, is_frame, blank=blank, n_classes=n_classes)
        log_p = ops.log_softmax(logits, axis=-1)
        label = ops.clip(label, 0, n_classes - 1)
        values = -log_probability(log_p, is_frame, label, length, blank=blank)
        otherwise = 0.0 if self.zero_infinity else math.inf
        return ops.where(is_possible, values, ops.full_like(values, otherwise))

    def _blank_of(self, logits: Any) -> Any:
        """The class number of the blank; raises if the logits have no such class."""
        shape = static_shape(logits)
        n_classes = shape[-1] if shape else None
        if n_classes is not None and self.blank >= n_classes:
            raise error(
                ValueError,
                type(self).__name__,
                "there is no class `blank`",
                expected=f"more than {self.blank} classes in the last axis of the logits",
                received=f"shape {shape}",
            )
        return ops.shape(logits)[-1] - 1 if self.blank == -1 else self.blank

    def get_config(self) -> dict[str, Any]:
        own = {"blank": self.blank, "zero_infinity": self.zero_infinity}
        return {**super().get_config(), **own}


def _outputs(where: str, y_pred: Any) -> tuple[Any, ...]:
    """The logits, and the number of frames if it is an output."""
    if isinstance(y_pred, (list, tuple)):
        outputs = check_roles(where, y_pred, "logits", "n_frames")
    else:
        outputs = (check_one_output(where, y_pred),)
    _check_axes(where, "the output `logits`", outputs[0], ("batch", "frames", "n_classes"))
    return outputs


def _labels(where: str, y_true: Any) -> tuple[Any, ...]:
    """The label in int32, and those of its length and of the number of frames that there are."""
    if isinstance(y_true, tuple):
        roles = ("label", "label_length", "n_frames")
        n_labels = 3 if len(y_true) == 3 else 2
        label, *lengths = check_labels(where, y_true, *roles[:n_labels])
    else:
        label, lengths = check_one_label(where, y_true), []
    _check_axes(where, "the label", label, ("batch", "max_length"))
    return ops.cast(label, "int32"), *lengths


def _length(where: str, given: list[Any], label: Any, blank: Any) -> Any:
    """How many entries of each label count: as many as are given, or those that do not pad."""
    if given:
        return ops.cast(one_number_a_sample(where, "the label length", given[0], label), "int32")
    is_entry = ops.logical_and(label >= 0, ops.not_equal(label, blank))
    return ops.sum(ops.cast(is_entry, "int32"), axis=1)


def _are_frames(where: str, given: list[Any], logits: Any) -> Any:
    """Which frames count: as many as are given, those that Keras has not masked, or all."""
    if len(given) > 1:
        raise error(
            ValueError,
            where,
            "the number of frames is given twice",
            expected="`n_frames` as a label or as an output",
            received="both",
        )
    every = ops.ones_like(logits[:, :, 0], dtype="bool")
    if given:
        n_frames = one_number_a_sample(where, "the number of frames", given[0], logits)
        n_frames = ops.cast(n_frames, "int32")
        places = ops.cast(ops.arange(ops.shape(logits)[1]), "int32")
        return ops.logical_and(every, places[None, :] < n_frames[:, None])
    mask = keras_mask(logits)
    return every if mask is None else ops.cast(mask, "bool")


def _check_axes(where: str, what: str, tensor: Any, axes: tuple[str, ...]) -> None:
    if rank(tensor) not in {len(axes), None}:
        raise error(
            ValueError,
            where,
            f"{what} does not have the axes that it needs",
            expected=f"shape ({', '.join(axes)})",
            received=f"shape {static_shape(tensor)}",
        )
