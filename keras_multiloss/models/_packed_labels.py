"""Labels and sample weights packed on their way through Keras's data adapters.

For arrays, Keras insists that sample weights have the structure of `y`, and copies a single
array onto it. The weights of a total loss go by outputs and terms, of which there may be
more or fewer than labels. So `fit` and `evaluate` send labels and weights through as one
structure, and the step takes them apart again.

Keras slices every array by itself for each batch. Arrays of one shape and dtype travel as one.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from keras_multiloss._messages import error
from keras_multiloss.spec import JoinedByName, JoinedTensors, are_small, by_name

LABELS, WEIGHTS = "labels", "sample_weight"
_KEY = "keras_multiloss>packed"

#: Before the names of arrays that were joined.
_JOINED = "keras_multiloss>joined"


#: The size in bytes past which arrays are not joined, as that copies them.
MOST_BYTES = 2**28


def with_packed_labels(where: str, arguments: dict[str, Any], *, joins: bool) -> dict[str, Any]:
    """The arguments of `fit` or `evaluate`, with sample weights packed into the labels.

    Args:
        where: the name of the caller, for errors.
        arguments: by name.
        joins: whether arrays that are alike are joined; then `unpacked` has to take them apart
            before anybody else sees them.

    Raises:
        ValueError: if there are not as many weights as labels.
    """
    arguments = dict(arguments)
    x, y, sample_weight = (arguments[name] for name in ("x", "y", "sample_weight"))
    if (y is not None or is_of_arrays(x)) and not is_packed(y):
        arguments["y"], arguments["sample_weight"] = _packed(where, y, sample_weight, joins), None
    validation = arguments.get("validation_data")
    if isinstance(validation, (list, tuple)) and len(validation) in {2, 3}:
        x, y, sample_weight = (*validation, None)[:3]
        arguments["validation_data"] = (x, _packed(where, y, sample_weight, joins))
    return arguments


def _packed(where: str, y: Any, sample_weight: Any, joins: bool) -> Any:
    """Labels and sample weights as one structure of arrays; labels alone that are not joined."""
    labels = _in_one(y) if joins else y
    if sample_weight is None:
        return y if labels is y else {_KEY: {LABELS: labels}}
    _check_lengths(where, y, sample_weight)
    weights = _in_one(sample_weight) if joins else sample_weight
    return {_KEY: {**({} if y is None else {LABELS: labels}), WEIGHTS: weights}}


def _in_one(arrays: Any) -> Any:
    """Arrays with those of one shape and dtype joined, if they are a dict by name."""
    if not isinstance(arrays, dict):
        return arrays
    alike: dict[Any, list[str]] = {}
    for name, array in arrays.items():
        is_array = isinstance(array, np.ndarray) and isinstance(name, str) and array.ndim
        if is_array and are_small(array.shape):
            alike.setdefault((array.shape, array.dtype), []).append(name)
    found = dict(arrays)
    for names in alike.values():
        if len(names) > 1 and sum(arrays[name].nbytes for name in names) <= MOST_BYTES:
            found[_JOINED + json.dumps(names)] = np.stack([found.pop(n) for n in names], axis=1)
    return found if len(found) < len(arrays) else arrays


def _one_by_one(arrays: Any) -> Any:
    """Arrays that were joined, by name."""
    if not isinstance(arrays, dict):
        return arrays
    found: dict[Any, Any] = {}
    joined: list[JoinedTensors] = []
    for name, array in arrays.items():
        if isinstance(name, str) and name.startswith(_JOINED):
            joined.append(JoinedTensors.of(array))
            names = json.loads(name.removeprefix(_JOINED))
            found |= dict(zip(names, joined[-1].tensors, strict=True))
        else:
            found[name] = array
    return JoinedByName(found, joined)


def is_of_arrays(x: Any) -> bool:
    """Whether inputs are arrays, not a dataset that has labels and weights in it."""
    return isinstance(x, (dict, list, tuple)) or hasattr(x, "shape")


def is_packed(y: Any) -> bool:
    """Whether labels come with sample weights packed beside them."""
    return isinstance(y, dict) and set(y) == {_KEY}


def unpacked_batch(data: Any) -> Any:
    """What Keras hands to a step, with labels and weights as they were before they were packed."""
    if not isinstance(data, tuple) or len(data) < 2 or not is_packed(data[1]):
        return data
    return (data[0], *unpacked(data[1], None))


def unpacked(y: Any, sample_weight: Any) -> tuple[Any, Any]:
    """Labels and sample weights as they were before they were packed; others as they are."""
    if is_packed(y):
        return _one_by_one(y[_KEY].get(LABELS)), _one_by_one(y[_KEY].get(WEIGHTS))
    return y, sample_weight


def _check_lengths(where: str, y: Any, sample_weight: Any) -> None:
    n_labels = {len(label) for label in by_name(y, where=where).values()}
    for name, weights in by_name(sample_weight, where=where).items():
        if n_labels and len(weights) not in n_labels:
            called = "" if name == 0 else f" {name!r}"
            raise error(
                ValueError,
                where,
                f"the sample weight{called} differs in length from the labels",
                expected=f"{min(n_labels)} weights, one for each sample",
                received=f"{len(weights)} weights",
            )
