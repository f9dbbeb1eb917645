"""Sample weights packed beside the labels on their way through Keras's data adapters.

For arrays, Keras insists that sample weights have the structure of `y`, and copies a single
array onto it. The weights of a total loss go by outputs and terms, of which there may be
more or fewer than labels. So `fit` and `evaluate` send labels and weights through as one
structure, and the step takes them apart again.
"""

from __future__ import annotations

from typing import Any

from keras_multiloss._messages import error
from keras_multiloss.spec import by_name

LABELS, WEIGHTS = "labels", "sample_weight"
_KEY = "keras_multiloss>packed"


def with_packed_labels(where: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `fit` or `evaluate`, with sample weights packed into the labels.

    Raises:
        ValueError: if there are not as many weights as labels.
    """
    arguments = dict(arguments)
    y, sample_weight = arguments["y"], arguments["sample_weight"]
    if sample_weight is not None and (y is not None or is_of_arrays(arguments["x"])):
        arguments["y"], arguments["sample_weight"] = _packed(where, y, sample_weight), None
    validation = arguments.get("validation_data")
    if isinstance(validation, (list, tuple)) and len(validation) == 3:
        x, y, sample_weight = validation
        arguments["validation_data"] = (x, _packed(where, y, sample_weight))
    return arguments


def _packed(where: str, y: Any, sample_weight: Any) -> dict[str, Any]:
    """Labels and sample weights as one structure of arrays."""
    _check_lengths(where, y, sample_weight)
    labels = {} if y is None else {LABELS: y}
    return {_KEY: {**labels, WEIGHTS: sample_weight}}


def is_of_arrays(x: Any) -> bool:
    """Whether inputs are arrays, not a dataset that has labels and weights in it."""
    return isinstance(x, (dict, list, tuple)) or hasattr(x, "shape")


def is_packed(y: Any) -> bool:
    """Whether labels come with sample weights packed beside them."""
    return isinstance(y, dict) and set(y) == {_KEY}


def unpacked(y: Any, sample_weight: Any) -> tuple[Any, Any]:
    """Labels and sample weights as they were before they were packed; others as they are."""
    if is_packed(y):
        return y[_KEY].get(LABELS), y[_KEY][WEIGHTS]
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
