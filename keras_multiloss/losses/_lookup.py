"""Outputs, labels and sample weights as the terms of a sum look for them: by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._checks import error, suggestion, unknown_name
from keras_multiloss._evaluation import names_of
from keras_multiloss._keras import keras_mask, ops, set_keras_mask
from keras_multiloss._names import Key, by_name
from keras_multiloss._values import to_tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from keras_multiloss._terms import LossTerm

WHERE = "WeightedSumLoss"


def outputs_by_name(keys: list[Key], y_pred: Any, names: Sequence[str] | None) -> dict[Key, Any]:
    """The outputs by name; one tensor is the only output that the terms name."""
    if names is not None or not _is_one_tensor(y_pred):
        return by_name(y_pred, names, where=WHERE)
    if len(keys) > 1:
        raise error(
            ValueError,
            WHERE,
            "it was given one output and names several",
            expected=f"outputs {keys} by name",
            received="one tensor",
            hint="`keras.Model.compile` shows a loss one output at a time: use "
            "`MultiLossModel.from_model(model)`",
        )
    return {keys[0]: y_pred}


def labels_by_name(keys: list[Key], y_true: Any, names: Sequence[str] | None) -> dict[Key, Any]:
    """The labels by name; one tensor is the only label that the terms name."""
    if not _is_one_tensor(y_true) or not keys:
        return by_name(y_true, names, where=WHERE)
    if len(keys) == 1:
        return {keys[0]: y_true}
    if names is not None and len(names) == 1:
        return by_name(y_true, names, where=WHERE)
    raise error(
        ValueError,
        WHERE,
        "the labels are one tensor and the terms name several",
        expected=f"a dict with the labels {keys}",
        received=f"one tensor of shape {tuple(y_true.shape)}",
    )


def sample_weight_finder(
    terms: dict[str, LossTerm],
    sample_weight: Any,
    outputs: dict[Key, Any],
    output_names: Sequence[str] | None,
) -> Callable[[str], Any]:
    """A function from the name of a term to its sample weight, or `None`.

    Raises:
        ValueError: if a weight has a name that no output or term has.
    """
    if sample_weight is None or _is_one_tensor(sample_weight):
        return lambda _: sample_weight
    weights = by_name(sample_weight, output_names, where=WHERE)
    own = [term.sample_weight for term in terms.values() if term.sample_weight is not None]
    known = distinct([*names_of(outputs), *terms, *own])
    for key in weights:
        if key not in known and key not in outputs:
            raise unknown_name(WHERE, "a sample weight belongs to no output or term", key, known)
    return lambda name: _sample_weight_of(terms[name], name, weights)


def _sample_weight_of(term: LossTerm, name: str, weights: dict[Key, Any]) -> Any:
    if term.sample_weight is None:
        keys = [*term.output_keys, name] if len(term.output_keys) == 1 else [name]
        return next((weights[key] for key in keys if key in weights), None)
    if term.sample_weight not in weights:
        raise unknown_name(
            WHERE,
            f"term {name!r} names a sample weight that is not in the data",
            term.sample_weight,
            names_of(weights),
        )
    return weights[term.sample_weight]


def check_not_misspelt(term: LossTerm, name: str, labels: dict[Key, Any], known: list[Key]) -> None:
    """Raise if the label of a skipped term is there under a name much like its own.

    Args:
        term: a term whose label is absent.
        name: its name.
        labels: the labels there are.
        known: the labels that some term names.
    """
    unused = [key for key in names_of(labels) if key not in known]
    for key in term.label_keys:
        hint = suggestion(key, unused, cutoff=0.8)
        if key not in labels and hint is not None:
            raise error(
                ValueError,
                WHERE,
                f"term {name!r} would be skipped, as its label is not in the data",
                expected=f"{key!r}, or no label that no term names",
                received=f"{unused}",
                hint=f"{hint} If not, drop that label from the data.",
            )


def switched(outputs: dict[Key, Any], keys: list[Key], weight: Any) -> dict[Key, Any]:
    """The outputs that a term sees: without a gradient while its weight is 0.

    A loss that is not finite has gradients that are not, and 0 times them is not 0.
    """
    if isinstance(weight, float):
        return outputs
    seen = dict(outputs)
    for key in keys:
        if key in outputs:
            output = to_tensor(outputs[key])
            seen[key] = ops.where(weight == 0, ops.stop_gradient(output), output)
            set_keras_mask(seen[key], keras_mask(output))
    return seen


def distinct(keys: Iterable[Key]) -> list[Key]:
    """The keys in their order, each once."""
    return list(dict.fromkeys(keys))


def _is_one_tensor(structure: Any) -> bool:
    return structure is not None and not isinstance(structure, (dict, list, tuple))
