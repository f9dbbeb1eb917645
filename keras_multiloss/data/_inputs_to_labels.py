"""`inputs_to_labels`: from the inputs of a model that reads labels to `(x, y)` data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keras_multiloss._messages import error
from keras_multiloss.data._batch_parts import batch_of_parts, describe
from keras_multiloss.data._input_roles import LABEL_SUFFIX, WEIGHT, WEIGHT_SUFFIX, Part, Roles
from keras_multiloss.data._name_arguments import check_input_names, check_label_names, check_rename
from keras_multiloss.data._restructured import restructured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keras_multiloss.spec import Key

WHERE = "inputs_to_labels"


def inputs_to_labels(
    data: Any,
    *,
    inputs: str | Sequence[str] | None = None,
    labels: Key | Sequence[Key] | None = None,
    rename: dict[Key, str] | None = None,
) -> Any:
    """Data for `kml.MultiLossModel` and `keras.Model`, from that of label-input models.

    The opposite of `labels_to_inputs`: each dict becomes `(x, y)`, or `(x, y,
    sample_weight)` if `sample_weight` or a `<name>_sample_weight` is in it. `y` is a dict
    of the labels, and `x` a dict of what is left, even if that is one entry. Given the same
    names, the one undoes the other exactly, except that `y` is a flat dict: a nested label
    keeps the name that `labels` gives it, `"head/box"`.

    Args:
        data: a `tf.data.Dataset` of dicts, a dict of arrays, a `keras.utils.PyDataset` or a
            generator of dicts or of `(dict,)`.
        inputs: the name of the entry that is `x` itself, or names for a tuple of entries in
            their order; by default `x` is a dict. Keras 3 warns if a model that was not built from
            a dict of inputs is given one.
        labels: the names (or positions) of the labels to take; by default `<label>` for
            every entry `<label>_label`. Give them if an input of the model itself has such a
            name, or if a label has a slash in its name.
        rename: the map that `labels_to_inputs` takes: from names of labels, and of sample
            weights, to the names of their inputs.

    Returns:
        Data of the kind of `data`: a `tf.data.Dataset`, mapped in its graph and prefetched,
        with its order, static shapes and cardinality; a tuple; a `PyDataset` or generator.

    Raises:
        ValueError: if a label is not in the data, or there is no label or no input. A
            `tf.data.Dataset` and a dict are checked at once, the batches of a `PyDataset`
            or generator when they are read.
        TypeError: if the data or an argument is of another kind.

    Example:
        >>> import numpy as np
        >>> from keras_multiloss.data import inputs_to_labels
        >>> data = {"x": np.ones((2, 3)), "age_label": np.array([30.0, 40.0])}
        >>> x, y = inputs_to_labels(data)
        >>> list(x), {name: label.tolist() for name, label in y.items()}
        (['x'], {'age': [30.0, 40.0]})
    """
    roles = Roles(WHERE, check_label_names(WHERE, labels), check_rename(WHERE, rename))
    names = check_input_names(WHERE, inputs)
    return restructured(WHERE, data, _InputsToLabels(roles, names, isinstance(inputs, str)))


@dataclass(frozen=True)
class _InputsToLabels:
    """The function from the inputs of one batch to its `(x, y[, sample_weight])`."""

    roles: Roles
    inputs: list[Key] | None
    is_single_input: bool

    def __call__(self, batch: Any) -> tuple[Any, ...]:
        entries = _dict_of_inputs(batch)
        self.roles.check_present(entries)
        parts: dict[Part, dict[Any, Any]] = {"input": {}, "label": {}, "sample weight": {}}
        for key, tensor in entries.items():
            part, name = self.roles.role_of(key)
            parts[part][name] = tensor
        _check_parts(entries, *parts.values())
        return batch_of_parts(
            self._arranged(parts["input"]), parts["label"], parts["sample weight"]
        )

    def _arranged(self, x: dict[str, Any]) -> Any:
        """The inputs in the structure that was asked for, without leaving any out."""
        if self.inputs is None:
            return x
        if set(self.inputs) != set(x):
            raise error(
                ValueError,
                WHERE,
                "`inputs` does not name what is left for the model",
                expected=f"{list(x)}, which is neither a label nor a sample weight",
                received=f"{self.inputs}",
                hint="`labels` says which entries are labels",
            )
        tensors = tuple(x[str(name)] for name in self.inputs)
        return tensors[0] if self.is_single_input else tensors


def _dict_of_inputs(batch: Any) -> dict[str, Any]:
    """The inputs of a batch, which is a dict or a tuple of one."""
    if isinstance(batch, (tuple, list)) and len(batch) == 1:
        batch = batch[0]
    if isinstance(batch, dict):
        return batch
    raise error(
        ValueError,
        WHERE,
        "the data is not a dict of inputs",
        expected="a dict from the names of inputs to tensors",
        received=describe(batch),
        hint="`(x, y)` is what MultiLossModel takes already"
        if isinstance(batch, (tuple, list))
        else None,
    )


def _check_parts(
    entries: dict[str, Any], x: dict[Any, Any], y: dict[Any, Any], weights: dict[Any, Any]
) -> None:
    """Raise if a part of the batch is empty, or sample weights come in two forms."""
    if not y:
        problem, expected = "the data has no labels", f"entries `<label>{LABEL_SUFFIX}`"
        hint = "`labels` or `rename` say which entries are labels"
    elif not x:
        problem = "no inputs are left for the model"
        expected = "at least one entry that is neither a label nor a sample weight"
        hint = "`labels` says which entries are labels"
    elif None in weights and len(weights) > 1:
        problem = "some sample weights are for all terms and others for one"
        expected = f"either {WEIGHT!r} or entries `<name>{WEIGHT_SUFFIX}`"
        hint = "drop one of them from the data"
    else:
        return
    raise error(
        ValueError, WHERE, problem, expected=expected, received=describe(entries), hint=hint
    )
