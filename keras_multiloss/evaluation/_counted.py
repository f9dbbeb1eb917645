"""Which entries of an output and its label count, for metrics that compare them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from keras_multiloss._platform import ops
from keras_multiloss.evaluation._casting import float32, to_tensor
from keras_multiloss.evaluation._evaluate import match
from keras_multiloss.evaluation._loss_kinds import kind_of
from keras_multiloss.evaluation._missing_labels import Mask, fill_missing
from keras_multiloss.evaluation._padding import marked_padding
from keras_multiloss.evaluation._shapes import all_in, fit_valid, rank, static_shape

if TYPE_CHECKING:
    from collections.abc import Sequence


class CountedEntries(NamedTuple):
    """A label and an output, and what of them counts.

    Args:
        label: with its missing entries filled.
        output: in float32.
        rows: whether each sample, or each step of it, counts.
        entries: whether each entry counts; `None` if they count by rows.
    """

    label: Any
    output: Any
    rows: Any
    entries: Any


def counted_entries(
    where: str, loss: Any, label: Any, output: Any, masks: Sequence[Mask]
) -> CountedEntries | None:
    """What counts of a label and an output under the rule of a loss; `None` if all does.

    Args:
        where: the name of the caller, for errors.
        loss: the loss that compares them.
        label: of any dtype.
        output: as the model gave it, with the mask of Keras's masking layers.
        masks: what marks a missing entry of the label.
    """
    label, output = to_tensor(label), to_tensor(output)
    padding = marked_padding(output)
    n_axes = rank(output)
    if n_axes is None or not (padding or any(mask is not None for mask in masks)):
        return None
    label, output = match(where, kind_of(loss), label, float32(output))
    is_there = []
    for mask in masks:
        label, there = fill_missing(label, mask)
        is_there += [] if there is None else [there]
    n_row_axes = max(n_axes - 1, 1)
    row = output if n_axes == 1 else output[..., 0]
    rows = _where_all(where, [all_in(c, n_row_axes) for c in [*is_there, *padding]], row)
    has_entries = kind_of(loss) == "elementwise" and (static_shape(output) or (1,))[-1] != 1
    if not has_entries or n_axes == 1 or not is_there:
        return CountedEntries(label, output, rows, None)
    return CountedEntries(label, output, rows, _where_all(where, [*is_there, *padding], output))


def _where_all(where: str, conditions: Sequence[Any], values: Any) -> Any:
    counts = ops.ones_like(values, dtype="bool")
    for condition in conditions:
        counts = ops.logical_and(counts, fit_valid(where, condition, values))
    return counts
