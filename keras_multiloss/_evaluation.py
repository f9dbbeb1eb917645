"""The value of one term: its tensors picked by name, masked, aligned, weighed, reduced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss import _shapes, _values
from keras_multiloss._checks import unknown_name
from keras_multiloss._keras import keras
from keras_multiloss._kinds import kind_of

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
    raw = _pick(name, "an output", term.outputs, outputs)
    y_pred = _values.to_float32(raw)
    y_true = _pick(name, "a label", term.labels, labels)
    where = f"WeightedSumLoss: term {name!r}"
    if isinstance(y_pred, tuple) or isinstance(y_true, tuple) or y_true is None:
        values, valid = _joint_values(term, where, y_true, y_pred)
    else:
        # The mask is read first: a cast or a squeezed output no longer has it.
        mask = _values.output_mask(raw)
        values, valid = _single_values(term, where, y_true, y_pred, mask)
    return _values.reduce(where, values, _reduction(term), sample_weight, valid)


def _reduction(term: LossTerm) -> str | None:
    return getattr(term.loss, "reduction", "sum_over_batch_size")


def _call(loss: Any, y_true: Any, y_pred: Any) -> Any:
    """The values of a loss before Keras reduces and scales them."""
    call = loss.call if isinstance(loss, keras.losses.Loss) else loss
    return _values.float32(call(y_true, y_pred))


def _joint_values(term: LossTerm, where: str, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """The values of a loss over tuples, and which of them have all their labels."""
    labels = y_true if isinstance(y_true, tuple) else () if y_true is None else (y_true,)
    pairs = [_values.split_missing(label, term.mask) for label in labels]
    valid = None
    for _, is_there in pairs:
        valid = _values.both(valid, is_there)
    filled = tuple(label for label, _ in pairs)
    if not isinstance(y_true, tuple):
        values = _call(term.loss, filled[0] if filled else None, y_pred)
    else:
        values = _call(term.loss, filled, y_pred)
    return _weigh_classes(term, where, filled[0] if filled else None, values), valid


def _single_values(
    term: LossTerm, where: str, y_true: Any, y_pred: Any, output_mask: Any
) -> tuple[Any, Any]:
    """The values of a loss of one label and one output, and which of them count."""
    kind = kind_of(term.loss)
    if kind not in {"sparse", "joint"}:
        y_true, y_pred = _shapes.align(y_true, y_pred)
    if kind in {"elementwise", "vector"}:
        _shapes.check_same_shape(where, y_true, y_pred)
    label, valid = _values.split_missing(y_true, term.mask)
    valid = _values.both(valid, output_mask)
    if not _is_by_entry(term, kind, label):
        return _weigh_classes(term, where, label, _call(term.loss, label, y_pred)), valid
    values = _call(term.loss, _shapes.expand(label), _shapes.expand(y_pred))
    values = _weigh_classes(term, where, label, values)
    if _reduction(term) in {"sum", "mean_with_sample_weight"}:
        return _values.mean_of_last_axis(values, valid)
    return values, valid


def _is_by_entry(term: LossTerm, kind: str, label: Any) -> bool:
    """Whether single entries of the last axis are left out or weighed."""
    picks_entries = term.mask is not None or term.class_weight is not None
    return kind == "elementwise" and picks_entries and (_shapes.rank(label) or 0) > 1


def _weigh_classes(term: LossTerm, where: str, label: Any, values: Any) -> Any:
    if term.class_weight is None:
        return values
    weights = _values.class_weights(label, values, term.class_weight)
    return values * _shapes.fit_weights(where, weights, values)


def _pick(name: str, what: str, keys: Any, tensors: dict[Key, Any]) -> Any:
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
            )
    if isinstance(keys, list):
        return tuple(_values.to_tensor(tensors[key]) for key in keys)
    return _values.to_tensor(tensors[keys])


_PLACES = {"an output": "among the outputs", "a label": "in the data"}


def names_of(tensors: dict[Key, Any]) -> list[Key]:
    """The names of the tensors; their positions where they have no names."""
    names: list[Key] = [key for key in tensors if isinstance(key, str)]
    return names or list(tensors)
