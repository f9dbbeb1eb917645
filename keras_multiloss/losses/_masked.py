"""A loss of one output that leaves out missing labels, for plain `compile`."""

from __future__ import annotations

from typing import Any, get_args

from keras_multiloss._checks import check_choice, check_config, check_mask_value, error
from keras_multiloss._evaluation import LossValues, loss_values, reduced, shares
from keras_multiloss._keras import keras, ops, scale_loss_object, set_keras_mask
from keras_multiloss._saveable import get_loss, loss_name
from keras_multiloss._serialization import deserialize, serializable, serialize
from keras_multiloss._shapes import rank
from keras_multiloss._values import map_tensors, weigh
from keras_multiloss.losses._joint import Reduction

ARGUMENTS = ("inner", "mask_value", "reduction", "name")


@serializable
class MaskedLoss(keras.losses.Loss):
    r"""Another loss, over the labels that are there.

    $$\ell = \frac{\sum_{i \in V} w_i\,\ell_i}{|V|},\quad V=\{i : y_i \text{ is there}\}$$

    A missing entry of the label is replaced before the inner loss's maths, so that gradients
    stay finite, and left out of the mean; a batch without any label gives 0. Losses that are a
    mean over single entries, as `"mse"`, leave out single entries, other losses the samples
    that lack one: the rule of `LossTerm(..., mask=...)`, which does the same for a term.

    Unlike `keras.losses.Loss`, labels keep their dtype (Keras casts them to float32, which
    turns 16777217 into 16777216), and outputs are cast to float32.

    Args:
        inner: a Keras loss, its name, a registered function or a loss of `kml.losses`, of one
            output and one label. What cannot be restored from a file is refused here. Its own
            reduction is not used.
        mask_value: what marks a missing label: `"nan"`, or a number such as `-1`.
        reduction: `"sum_over_batch_size"`, `"sum"`, `"mean_with_sample_weight"` or `"none"`,
            which gives the values, 0 where the label is missing.
        name: name of the loss; by default `"masked_"` and that of the inner loss.

    Shape:
        - y_true, y_pred: those of the inner loss.
        - sample_weight: one weight a sample, or one for each value of the inner loss.
        - result: a float32 scalar; for `"none"`, the values of the inner loss.

    Raises:
        ValueError: for a loss that no file could restore, or an unknown reduction.
        TypeError: if `inner` is no loss of one output, or `mask_value` marks nothing.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> loss = kml.losses.MaskedLoss("mse")
        >>> label = np.array([[1.0], [float("nan")]], "float32")
        >>> float(loss(label, np.array([[3.0], [5.0]], "float32")))
        4.0
    """

    def __init__(
        self,
        inner: Any,
        mask_value: Any = "nan",
        *,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        check_choice("MaskedLoss", "reduction", reduction, get_args(Reduction))
        self.inner = get_loss("MaskedLoss", inner, argument="inner")
        if hasattr(self.inner, "term_losses"):
            raise error(
                TypeError,
                "MaskedLoss",
                "`inner` is a sum of terms",
                expected="a loss of one output",
                received=repr(inner),
                hint="give the terms a mask: LossTerm(..., mask='nan')",
            )
        super().__init__(name=name or f"masked_{loss_name(self.inner)}")
        self.reduction = reduction  # Keras 2 does not know all of them
        self.mask_value = check_mask_value("MaskedLoss", "mask_value", mask_value)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The reduced loss of a label and an output."""
        found = self._values(y_true, y_pred)
        weights = [] if sample_weight is None else [sample_weight]
        if self.reduction == "none":
            return _by_row(found, weights)
        value = reduced("MaskedLoss", found, self.reduction, weights)
        return scale_loss_object(value, self.reduction)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The values of the inner loss; a mask of Keras says which of them count.

        A `LossTerm` reads it there, and so does Keras.
        """
        found = self._values(y_true, y_pred)
        values = weigh("MaskedLoss", found.values, shares(found, self.reduction), found.valid)
        if found.valid is not None:
            set_keras_mask(values, found.valid)
        return values

    def _values(self, y_true: Any, y_pred: Any) -> LossValues:
        y_true, y_pred = _one_tensor(y_true), _one_tensor(y_pred)
        return loss_values(
            "MaskedLoss", self.inner, y_true, y_pred, mask=self.mask_value, picks_entries=True
        )

    def get_config(self) -> dict[str, Any]:
        config = {name: getattr(self, name) for name in ARGUMENTS}
        return {**config, "inner": serialize(self.inner)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> MaskedLoss:
        config = check_config(cls, config, ARGUMENTS, required=("inner",))
        inner = deserialize("MaskedLoss: `inner`", config["inner"], keras.losses)
        return cls(**{**config, "inner": inner})


def _by_row(found: LossValues, weights: list[Any]) -> Any:
    """The values as the inner loss gives them: a mean over the last axis is one of its rows."""
    is_of_rows = found.by_entry and (rank(found.values) or 0) > 1
    if is_of_rows:
        weights = [*weights, *shares(found, "sum")]
    values = weigh("MaskedLoss", found.values, weights, found.valid)
    return ops.sum(values, axis=-1) if is_of_rows else values


def _one_tensor(side: Any) -> Any:
    """The label or the output as a tensor; raises unless it is one."""
    tensors = map_tensors(lambda tensor: tensor, side)
    if tensors is not None and not isinstance(tensors, (dict, tuple)):
        return tensors
    raise error(
        ValueError,
        "MaskedLoss",
        "it needs one output and one label",
        expected="a tensor of each",
        received="None" if tensors is None else f"{len(tensors)} in a {type(side).__name__}",
        hint="give each output a loss of its own, compile(loss={'age': MaskedLoss('mse')})",
    )
