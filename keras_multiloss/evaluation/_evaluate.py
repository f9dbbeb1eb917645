"""One loss on one batch, the same way for terms, loss objects and losses inside losses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._platform import keras, ops
from keras_multiloss.evaluation._casting import (
    as_tensors,
    float32,
    tensors_in,
    to_float32,
    to_tensor,
    with_tensors,
)
from keras_multiloss.evaluation._evaluated import Evaluated
from keras_multiloss.evaluation._loss_kinds import LIKE_OUTPUT, Kind, kind_of
from keras_multiloss.evaluation._missing_labels import Mask, fill_missing
from keras_multiloss.evaluation._padding import marked_padding, padding_of_values
from keras_multiloss.evaluation._parts import joined
from keras_multiloss.evaluation._shapes import (
    align,
    align_labels,
    all_in,
    expand,
    fit_valid,
    rank,
    same_shape,
    sparse_label,
)
from keras_multiloss.evaluation._values_of_loss import checked_values

if TYPE_CHECKING:
    from collections.abc import Iterable


def evaluate(
    where: str,
    loss: Any,
    y_true: Any,
    y_pred: Any,
    *,
    mask: Mask = None,
    picks_entries: bool = False,
) -> Evaluated:
    """The values of a loss of tensors, or of structures of them, and which of these count.

    Args:
        where: the name of the caller, for errors.
        loss: a loss object or a loss function.
        y_true: labels of any dtype; without one, losses of single entries are taken against 0.
        y_pred: outputs as the model gave them.
        mask: what marks a missing entry of a label.
        picks_entries: whether single entries of the last axis are left out or weighed.
    """
    y_true, y_pred = as_tensors(y_true), as_tensors(y_pred)
    if y_true is None and kind_of(loss) == "elementwise":
        y_true = ops.zeros_like(y_pred)
    kind = _kind_for(loss, y_true, y_pred)
    # Aligning loses the masks of Keras: they are read from the outputs as they came.
    outputs = tensors_in(y_pred)
    padding = [] if kind == "whole" else marked_padding(*outputs)
    y_true, y_pred = match(where, kind, y_true, to_float32(y_pred))
    y_true, is_there = _fill_labels(kind, y_true, mask)
    is_known = kind not in {"joint", "unknown"}
    if is_known:
        y_pred = float32(y_pred)
    by_entry = kind == "elementwise" and (picks_entries or _pads_entries(y_pred, padding))
    # What an object's `call` gives is neither reduced nor scaled by Keras.
    call = loss.call if isinstance(loss, keras.losses.Loss) else loss
    given = tuple(map(expand, (y_true, y_pred))) if by_entry else (y_true, y_pred)
    values = call(*given)

    def evaluated(values: Any) -> Evaluated:
        conditions = [*is_there, *padding_of_values(values, padding)]
        return Evaluated(
            where=where,
            values=float32(values),
            counted=_all_of(where, conditions, values),
            label=y_true,
            n_samples=ops.shape(outputs[0])[0] if rank(outputs[0]) else 1,
            is_by_entry=by_entry,
        )

    if is_known:
        return evaluated(to_tensor(values))
    checked = checked_values(where, values, call, *given)
    if not isinstance(checked, dict):
        return evaluated(checked)
    return joined({name: evaluated(part) for name, part in checked.items()})


def match(where: str, kind: Kind, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Labels and outputs as their loss takes them: of one rank, in shapes that fit."""
    if kind == "joint":
        labels = align_labels(tensors_in(y_true), tensors_in(y_pred))
        return with_tensors(y_true, labels), y_pred
    if kind == "sparse":
        return sparse_label(where, y_true, y_pred), y_pred
    y_true, y_pred = align(y_true, y_pred)
    if kind in LIKE_OUTPUT:
        y_true = same_shape(where, y_true, y_pred)
    return y_true, y_pred


def _kind_for(loss: Any, y_true: Any, y_pred: Any) -> Kind:
    """What the loss asks of shapes; a loss that sees several tensors is a joint one."""
    several = (tuple, list, dict)
    is_joint = isinstance(y_pred, several) or y_true is None or isinstance(y_true, several)
    return "joint" if is_joint else kind_of(loss)


def _fill_labels(kind: Kind, y_true: Any, mask: Mask) -> tuple[Any, list[Any]]:
    """The labels with their missing entries filled, and which entries of each are there."""
    pairs = [fill_missing(label, mask) for label in tensors_in(y_true)]
    is_there = [there for _, there in pairs if there is not None]
    if kind == "whole":
        is_there = [all_in(there, 1) for there in is_there]
    return with_tensors(y_true, [label for label, _ in pairs]), is_there


def _pads_entries(y_pred: Any, padding: list[Any]) -> bool:
    """Whether entries of the last axis may be padding: a batch of steps has no other axis."""
    n_axes = rank(y_pred)
    return n_axes == 1 or any(rank(steps) == n_axes for steps in padding)


def _all_of(where: str, conditions: Iterable[Any], values: Any) -> Any:
    """Which of the values count, given conditions on their entries; `None` if all do."""
    counted = None
    for condition in conditions:
        fitted = fit_valid(where, condition, values)
        counted = fitted if counted is None else ops.logical_and(counted, fitted)
    return counted
