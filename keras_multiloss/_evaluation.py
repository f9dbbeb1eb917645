"""The value of one term: its tensors picked by name, aligned, masked, weighed, reduced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from keras_multiloss import _shapes, _values
from keras_multiloss._checks import unknown_name
from keras_multiloss._keras import keras
from keras_multiloss._kinds import LIKE_OUTPUT, Kind, kind_of

if TYPE_CHECKING:
    from keras_multiloss._names import Key
    from keras_multiloss._terms import LossTerm


def term_value(
    term: LossTerm,
    name: str,
    labels: dict[Key, Any],
    outputs: dict[Key, Any],
    sample_weight: Any,
) -> Any:
    """The unweighted loss of a term, a float32 scalar."""
    where = f"WeightedSumLoss: term {name!r}"
    y_pred = _pick(name, "an output", term.outputs, outputs)
    y_true = _pick(name, "a label", term.labels, labels, hint=_hint_of_labels(term))
    picks_entries = term.mask is not None or term.class_weight is not None
    found = loss_values(
        where, term.loss, y_true, y_pred, mask=term.mask, picks_entries=picks_entries
    )
    weights = [] if sample_weight is None else [sample_weight]
    if term.class_weight is not None:
        weights.append(_values.class_weights(where, found.label, found.values, term.class_weight))
    return reduced(where, found, getattr(term.loss, "reduction", None), weights)


class LossValues(NamedTuple):
    """What a loss gives before it is reduced.

    Args:
        values: a number for each entry, row or sample.
        valid: which of them count; `None` if all do.
        by_entry: whether a loss that is a mean over the last axis was asked for each entry of it.
        label: the label as the loss saw it, its missing entries filled.
    """

    values: Any
    valid: Any
    by_entry: bool
    label: Any


def loss_values(
    where: str,
    loss: Any,
    y_true: Any,
    y_pred: Any,
    *,
    mask: _values.Mask = None,
    picks_entries: bool,
) -> LossValues:
    """The values of a loss of tensors, or of tuples of them, and which of these count.

    Args:
        where: the name of the caller, for errors.
        loss: a loss object or a loss function.
        y_true: labels of any dtype.
        y_pred: outputs as the model gave them.
        mask: what marks a missing entry of a label.
        picks_entries: whether single entries of the last axis are left out or weighed.
    """
    is_single = not isinstance(y_pred, tuple) and not isinstance(y_true, (tuple, type(None)))
    kind = kind_of(loss) if is_single else "joint"
    # Casting loses the masks of Keras: they are read from the outputs as they came.
    padding = [] if kind == "whole" else _values.padding(*_as_tuple(y_pred))
    y_true, y_pred = match(where, kind, y_true, _values.to_float32(y_pred))
    y_true, is_there = _fill_missing(kind, y_true, mask)
    by_entry = kind == "elementwise" and (picks_entries or _pads_entries(y_pred, padding))
    values = _call(loss, kind, y_true, y_pred, by_entry=by_entry)
    padding = _values.padding_of(values, padding)
    valid = _values.conjunction(where, [*is_there, *padding], values)
    return LossValues(values, valid, by_entry, y_true)


def reduced(where: str, found: LossValues, reduction: str | None, weights: list[Any]) -> Any:
    """One float32 scalar from the values of a loss."""
    weights = [*weights, *shares(found, reduction)]
    return _values.reduce(where, found.values, reduction, weights, found.valid)


def shares(found: LossValues, reduction: str | None) -> list[Any]:
    """What entries count for in a sum, which is one of rows: each is a mean of its entries."""
    if not found.by_entry or reduction != "sum":
        return []
    return [_values.share_of_row(found.values, found.valid)]


def match(where: str, kind: Kind, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Labels and outputs as their loss takes them: of one rank, in shapes that fit."""
    if kind == "joint":
        labels = _shapes.align_labels(_as_tuple(y_true), _as_tuple(y_pred))
        return _as_structure(labels, y_true), y_pred
    if kind == "sparse":
        return _shapes.sparse_label(where, y_true, y_pred), y_pred
    y_true, y_pred = _shapes.align(y_true, y_pred)
    if kind in LIKE_OUTPUT:
        y_true = _shapes.same_shape(where, y_true, y_pred)
    return y_true, y_pred


def _fill_missing(kind: Kind, y_true: Any, mask: _values.Mask) -> tuple[Any, list[Any]]:
    """The labels with their missing entries filled, and which entries of each are there."""
    pairs = [_values.split_missing(label, mask) for label in _as_tuple(y_true)]
    is_there = [there for _, there in pairs if there is not None]
    if kind == "whole":
        is_there = [_shapes.all_in(there, 1) for there in is_there]
    return _as_structure(tuple(label for label, _ in pairs), y_true), is_there


def _pads_entries(y_pred: Any, padding: list[Any]) -> bool:
    """Whether entries of the last axis may be padding: a batch of steps has no other axis."""
    n_axes = _shapes.rank(y_pred)
    return n_axes == 1 or any(_shapes.rank(steps) == n_axes for steps in padding)


def _call(loss: Any, kind: Kind, y_true: Any, y_pred: Any, *, by_entry: bool) -> Any:
    """The values of a loss before Keras reduces and scales them."""
    call = loss.call if isinstance(loss, keras.losses.Loss) else loss
    if kind not in {"joint", "unknown"}:
        y_pred = _values.float32(y_pred)
    if by_entry:
        y_true, y_pred = _shapes.expand(y_true), _shapes.expand(y_pred)
    return _values.to_tensor(call(y_true, y_pred))


def _as_tuple(structure: Any) -> tuple[Any, ...]:
    """The tensors of a side of a term, however many."""
    if structure is None:
        return ()
    return structure if isinstance(structure, tuple) else (structure,)


def _as_structure(tensors: tuple[Any, ...], like: Any) -> Any:
    """The reverse of `_as_tuple`."""
    return tensors if isinstance(like, tuple) else next(iter(tensors), None)


def _pick(
    name: str, what: str, keys: Any, tensors: dict[Key, Any], *, hint: str | None = None
) -> Any:
    """The tensors of the keys: a tensor for a name, a tuple for a list, `None` for none."""
    if keys is None:
        return None
    for key in keys if isinstance(keys, list) else [keys]:
        if key not in tensors:
            raise unknown_name(
                "WeightedSumLoss",
                f"term {name!r} names {what} that is not {_PLACES[what]}",
                key,
                names_of(tensors),
                hint=_hint_of_list(tensors) or hint,
            )
    if isinstance(keys, list):
        return tuple(_values.to_tensor(tensors[key]) for key in keys)
    return _values.to_tensor(tensors[keys])


_PLACES = {"an output": "among the outputs", "a label": "in the data"}


def _hint_of_labels(term: LossTerm) -> str | None:
    """What was forgotten, if the labels are by default those of several outputs."""
    if not isinstance(term.outputs, list) or term.labels != term.outputs:
        return None
    return (
        "labels are by default those of the outputs' names: give the term `labels='...'`, or "
        "`labels=None` if its loss needs none"
    )


def _hint_of_list(tensors: dict[Key, Any]) -> str | None:
    """What to do where a list was given, which has no names."""
    if not tensors or any(isinstance(key, str) for key in tensors):
        return None
    return "a list has positions, not names; `MultiLossModel.from_model(model)` has both"


def names_of(tensors: dict[Key, Any]) -> list[Key]:
    """The names of the tensors; their positions where they have no names."""
    names: list[Key] = [key for key in tensors if isinstance(key, str)]
    return names or list(tensors)
