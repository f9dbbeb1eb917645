"""A loss of one output that leaves out missing labels, for plain `compile`."""

from __future__ import annotations

from typing import Any, ClassVar, get_args

from keras_multiloss._checks import check_choice, check_config, check_mask, respelled
from keras_multiloss._messages import error
from keras_multiloss._platform import keras, set_keras_mask
from keras_multiloss._saving import deserialize, get_loss, loss_name, serializable, serialize
from keras_multiloss.evaluation import Evaluated, as_tensors, evaluate
from keras_multiloss.losses._joint_loss import Reduction

ARGUMENTS = ("inner", "mask", "reduction", "name")


@serializable
class MaskedLoss(keras.losses.Loss):
    r"""Another loss, over the labels that are not missing.

    $$\ell = \frac{\sum_{i \in V} w_i\,\ell_i}{|V|},\quad V=\{i : y_i \text{ is there}\}$$

    A missing entry of the label is replaced before the inner loss's maths, so that gradients
    stay finite, and left out of the mean; a batch without any label gives 0. Losses that are a
    mean over single entries, such as `"mse"`, leave out single entries; other losses leave out
    each sample that lacks one. `LossTerm(..., mask=...)` does the same for a term.

    Unlike in `keras.losses.Loss`, labels keep their dtype (Keras casts them to float32, which
    turns 16777217 into 16777216), and outputs are cast to float32.

    Args:
        inner: a Keras loss, its name, a registered function or a loss of `kml.losses`, of one
            output and one label. What cannot be restored from a file is refused here. Its own
            reduction is not used.
        mask: what marks a missing label: `"nan"`, or a number such as `-1`. Earlier versions
            called it `mask_value`, which still works.
        reduction: `"sum_over_batch_size"`, `"sum"`, `"mean_with_sample_weight"` or `"none"`,
            which gives the values, 0 where the label is missing.
        name: name of the loss; by default `"masked_"` and the name of the inner loss.

    Shape:
        - y_true, y_pred: those of the inner loss.
        - sample_weight: one weight per sample, or one for each value of the inner loss.
        - result: a float32 scalar; for `"none"`, the values of the inner loss.

    Raises:
        ValueError: for a loss that no file could restore, an unknown reduction, or a `mask` that
            is a string other than `"nan"`.
        TypeError: if `inner` is not a loss of one output, or `mask` is of another type.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> loss = kml.losses.MaskedLoss("mse")
        >>> label = np.array([[1.0], [float("nan")]], "float32")
        >>> float(loss(label, np.array([[3.0], [5.0]], "float32")))
        4.0
    """

    #: Arguments as earlier versions called them.
    OLD_SPELLINGS: ClassVar[dict[str, str]] = {"mask_value": "mask"}

    def __init__(
        self,
        inner: Any,
        mask: Any = "nan",
        *,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = None,
        **old: Any,
    ) -> None:
        where = "MaskedLoss"
        mask = respelled(where, old, self.OLD_SPELLINGS).get("mask", mask)
        check_choice(where, "reduction", reduction, get_args(Reduction))
        self.inner = get_loss(where, inner, argument="inner")
        super().__init__(name=name or f"masked_{loss_name(self.inner)}")
        self.reduction = reduction  # Keras 2 does not know all of them
        self.mask = check_mask(where, "mask", mask, may_be_none=False)

    @property
    def mask_value(self) -> Any:
        """What earlier versions called `mask`."""
        return self.mask

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The reduced loss of a label and an output."""
        found = self._evaluated(y_true, y_pred).weighed_by(sample_weight)
        return found.as_loss_object(self.reduction)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The values of the inner loss; a mask of Keras says which of them count."""
        found = self._evaluated(y_true, y_pred)
        values = found.weighed_values()
        if self.reduction == "sum":
            values = values * found.share_of_row()
        if found.counted is not None:
            set_keras_mask(values, found.counted)
        return values

    def _evaluated(self, y_true: Any, y_pred: Any) -> Evaluated:
        y_true, y_pred = _one_tensor(y_true), _one_tensor(y_pred)
        return evaluate(
            "MaskedLoss", self.inner, y_true, y_pred, mask=self.mask, picks_entries=True
        )

    def get_config(self) -> dict[str, Any]:
        config = {name: getattr(self, name) for name in ARGUMENTS}
        return {**config, "inner": serialize(self.inner)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> MaskedLoss:
        config = check_config(cls, config, (*ARGUMENTS, *cls.OLD_SPELLINGS), required=("inner",))
        inner = deserialize("MaskedLoss: `inner`", config["inner"], keras.losses)
        return cls(**{**config, "inner": inner})


def _one_tensor(side: Any) -> Any:
    """The label or the output as a tensor; raises unless it is one."""
    tensors = as_tensors(side)
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
