"""`labels_to_inputs`: from `(x, y)` data to the inputs of a model that reads labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from keras_multiloss._messages import error, unknown_name
from keras_multiloss.data._batch_parts import (
    describe,
    entries_by_name,
    parts_of_batch,
    weights_by_name,
)
from keras_multiloss.data._name_arguments import check_input_names, check_label_names, check_rename
from keras_multiloss.data._restructured import restructured
from keras_multiloss.spec import Key, label_input_name, sample_weight_input_name

if TYPE_CHECKING:
    from collections.abc import Sequence

WHERE = "labels_to_inputs"


def labels_to_inputs(
    data: Any,
    *,
    inputs: str | Sequence[str] | None = None,
    labels: Key | Sequence[Key] | None = None,
    rename: dict[Key, str] | None = None,
) -> Any:
    """Data for models that read labels as inputs, such as those of `kml.attach_losses`.

    Each `(x, y)` or `(x, y, sample_weight)` becomes one dict: the inputs by their names,
    each label as `<label>_label`, and sample weights as `sample_weight` (an array) or
    `<name>_sample_weight` (a dict of them). The names of nested labels are joined by a
    slash, and a slash becomes an underscore in the name of an input. A label that is
    `None` stays so, which leaves an optional input empty.

    Args:
        data: a `tf.data.Dataset`, a tuple of arrays (or of dicts of them), a
            `keras.utils.PyDataset` or a generator.
        inputs: the name of `x`, or its names where it is a list; not for a dict.
        labels: the name of `y`, or its names where it is a list; not for a dict. Positions
            stand for the labels of terms that are given by position.
        rename: a dict from label names to the names of their inputs, where these are not
            `<label>_label`. Sample weights go by the name that their input would have.

    Returns:
        What `fit`, `evaluate` and `predict` take as `x`, of the kind of `data`: a
        `tf.data.Dataset` of dicts, mapped in its graph and prefetched, with its order,
        static shapes and cardinality; a dict of arrays; or a `PyDataset` or generator of
        `(dict,)`.

    Raises:
        ValueError: if the data has no labels, names are missing or unknown, or two entries
            go to one input. A `tf.data.Dataset` and arrays are checked at once, the batches
            of a `PyDataset` or generator when they are read.
        TypeError: if the data or an argument is of another kind.

    Example:
        >>> import keras
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> from keras_multiloss.data import labels_to_inputs
        >>> x = keras.Input((3,), name="x")
        >>> age = keras.layers.Dense(1, kernel_initializer="zeros")(x)
        >>> model = kml.attach_losses(keras.Model(x, {"age": age}), kml.LossTerm("mse", "age"))
        >>> model.compile("sgd")
        >>> data = (np.ones((4, 3)), {"age": np.full((4, 1), 2.0)})
        >>> list(labels_to_inputs(data, inputs="x"))
        ['x', 'age_label']
        >>> model.evaluate(labels_to_inputs(data, inputs="x"), verbose=0, return_dict=True)["loss"]
        4.0
    """
    to_inputs = _LabelsToInputs(
        check_input_names(WHERE, inputs),
        check_label_names(WHERE, labels),
        check_rename(WHERE, rename),
    )
    return restructured(WHERE, data, to_inputs)


class _Entry(NamedTuple):
    what: str  # how messages call it
    input_name: str
    tensor: Any


@dataclass(frozen=True)
class _LabelsToInputs:
    """The function from one batch to its inputs."""

    inputs: list[Key] | None
    labels: list[Key] | None
    rename: dict[Key, str]

    def __call__(self, batch: Any) -> dict[str, Any]:
        x, y, sample_weight = parts_of_batch(WHERE, batch)
        inputs = _named("inputs", "x", x, self.inputs)
        labels = entries_by_name(WHERE, _named("labels", "y", y, self.labels))
        weights = {
            sample_weight_input_name(None if name is None else str(name)): tensor
            for name, tensor in weights_by_name(WHERE, sample_weight).items()
        }
        self._check_rename([*labels, *weights])
        return _unique(
            [
                *(_Entry(f"input {name!r}", str(name), t) for name, t in inputs.items()),
                *(self._entry("label", n, label_input_name(n), t) for n, t in labels.items()),
                *(self._entry("sample weight", n, n, t) for n, t in weights.items()),
            ]
        )

    def _entry(self, what: str, name: Key, default: str, tensor: Any) -> _Entry:
        return _Entry(f"{what} {name!r}", self.rename.get(name, default), tensor)

    def _check_rename(self, known: list[Key]) -> None:
        for name in self.rename:
            if name not in known:
                raise unknown_name(
                    WHERE, "`rename` has a name that is not among the labels", name, known
                )


def _named(argument: str, what: str, structure: Any, names: list[Key] | None) -> dict[Any, Any]:
    """The entries of `x` or `y` by their own names, or else by those that were given."""
    if isinstance(structure, dict):
        _check_not_named_twice(argument, what, structure, names)
        return structure
    entries = list(structure) if isinstance(structure, (list, tuple)) else [structure]
    if names is None or len(names) != len(entries):
        example = what if len(entries) == 1 else [f"{what}_{i}" for i in range(len(entries))]
        raise error(
            ValueError,
            WHERE,
            f"{what} has no names" if names is None else f"`{argument}` does not fit {what}",
            expected=f"a dict, or as many names in `{argument}` as {what} has entries",
            received=f"{describe(structure)}, {argument}={names}",
            hint=f"{WHERE}(..., {argument}={example!r}), with names of your own",
        )
    return dict(zip(names, entries, strict=True))


def _check_not_named_twice(
    argument: str, what: str, structure: dict[Any, Any], names: list[Key] | None
) -> None:
    if names is None:
        return
    raise error(
        ValueError,
        WHERE,
        f"`{argument}` names what has names already",
        expected=f"no `{argument}`, as {what} is {describe(structure)}",
        received=f"{argument}={names}",
        hint="`rename` says which label goes to which input" if what == "y" else None,
    )


def _unique(entries: list[_Entry]) -> dict[str, Any]:
    """The tensors by input; raises if two would go to one."""
    inputs: dict[str, _Entry] = {}
    for entry in entries:
        other = inputs.setdefault(entry.input_name, entry)
        if other is not entry:
            raise error(
                ValueError,
                WHERE,
                f"two entries of the data go to the input {entry.input_name!r}",
                expected="an input of its own for each input, label and sample weight",
                received=f"{other.what} and {entry.what}",
                hint="give a label the name of another input by `rename`",
            )
    return {name: entry.tensor for name, entry in inputs.items()}
