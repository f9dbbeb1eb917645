"""`inputs_to_labels`: from the inputs of a model that reads labels to `(x, y)` data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._checks import error, unknown_name
from keras_multiloss._names import Key, label_input_name, sample_weight_input_name
from keras_multiloss.data._arguments import check_labels, check_rename
from keras_multiloss.data._batches import Weights, describe, pack
from keras_multiloss.data._restructured import restructured

if TYPE_CHECKING:
    from collections.abc import Sequence

WHERE = "inputs_to_labels"

LABEL_SUFFIX = label_input_name("")
WEIGHT = sample_weight_input_name()
WEIGHT_SUFFIX = sample_weight_input_name("")


def inputs_to_labels(
    data: Any,
    *,
    labels: Key | Sequence[Key] | None = None,
    rename: dict[Key, str] | None = None,
) -> Any:
    """Data for `kml.MultiLossModel` and `keras.Model`, from that of label-input models.

    The opposite of `labels_to_inputs`: each dict becomes `(x, y)`, or `(x, y,
    sample_weight)` if `sample_weight` or a `<name>_sample_weight` is in it. `y` is a dict
    of the labels, and `x` a dict of what is left, also if that is one entry. Where `x` and
    `y` were flat dicts, the one undoes the other exactly; a nested label keeps the flat
    name that `labels` gives it, `"head/box"`.

    Args:
        data: a `tf.data.Dataset` of dicts, a dict of arrays, a `keras.utils.PyDataset` or a
            generator of dicts or of `(dict,)`.
        labels: the names (or positions) of the labels to take; by default `<label>` for
            every entry `<label>_label`. To be given where an input of the model itself has
            such a name, or where a label has a slash in its name.
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
    names = check_labels(WHERE, labels)
    return restructured(WHERE, data, _InputsToLabels(names, check_rename(WHERE, rename)))


class _InputsToLabels:
    """The function from the inputs of one batch to its `(x, y[, sample_weight])`."""

    def __init__(self, labels: list[Key] | None, rename: dict[Key, str]) -> None:
        weights = [n for n in rename if _is_weight(str(n)) and n not in (labels or [])]
        renamed_labels = [name for name in rename if name not in weights]
        self.takes_all_labels = labels is None
        self.labels = renamed_labels if labels is None else labels
        for name in renamed_labels:
            if name not in self.labels:
                problem = "`rename` has a name that is not in `labels`"
                raise unknown_name(WHERE, problem, name, self.labels)
        self.input_of = {name: rename.get(name, label_input_name(name)) for name in self.labels}
        self.label_of = {key: name for name, key in self.input_of.items()}
        self.weight_of = {rename[name]: str(name) for name in weights}
        self._check_inputs_differ()

    def _check_inputs_differ(self) -> None:
        keys = list(self.input_of.values())
        for name, key in self.input_of.items():
            if keys.count(key) > 1 or key in self.weight_of:
                raise error(
                    ValueError,
                    WHERE,
                    f"label {name!r} shares the input {key!r} with another",
                    expected="an input of its own for each label and sample weight",
                    received=f"{[*self.input_of, *self.weight_of.values()]}",
                    hint="give a label the name of another input by `rename`",
                )

    def __call__(self, batch: Any) -> tuple[Any, ...]:
        entries = _as_dict(batch)
        self._check_present(entries)
        x: dict[str, Any] = {}
        y: dict[Key, Any] = {}
        weights: Weights = {}
        for key, tensor in entries.items():
            weight = self.weight_of.get(key, key)
            if self._is_label(key):
                y[self.label_of.get(key, key.removesuffix(LABEL_SUFFIX))] = tensor
            elif _is_weight(weight):
                weights[self._weighted(weight)] = tensor
            else:
                x[key] = tensor
        _check_parts(entries, x, y, weights)
        return pack(x, y, weights)

    def _check_present(self, entries: dict[str, Any]) -> None:
        """Raise unless the data has all that was named."""
        for name, key in self.input_of.items():
            if key not in entries:
                problem = f"the input of label {name!r} is not in the data"
                raise unknown_name(WHERE, problem, key, entries)
        for key, name in self.weight_of.items():
            if key not in entries:
                problem = f"the input of the sample weight {name!r} is not in the data"
                raise unknown_name(WHERE, problem, key, entries)

    def _is_label(self, key: str) -> bool:
        if not self.takes_all_labels or not key.endswith(LABEL_SUFFIX):
            return key in self.label_of
        return key in self.label_of or key.removesuffix(LABEL_SUFFIX) not in self.labels

    def _weighted(self, weight: str) -> Key | None:
        """What a sample weight weighs: a label of a longer name, another name, or all."""
        if weight == WEIGHT:
            return None
        names = {sample_weight_input_name(str(name)): name for name in self.labels}
        return names.get(weight, weight.removesuffix(WEIGHT_SUFFIX))


def _is_weight(name: str) -> bool:
    """Whether a sample weight has this name by default."""
    return name == WEIGHT or name.endswith(WEIGHT_SUFFIX)


def _as_dict(batch: Any) -> dict[str, Any]:
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
    entries: dict[str, Any], x: dict[str, Any], y: dict[Key, Any], weights: Weights
) -> None:
    """Raise if a part of the batch is empty, or sample weights come in two forms."""
    if not y:
        problem, expected = "the data has no labels", f"entries `<label>{LABEL_SUFFIX}`"
        hint = "`labels` or `rename` say which entries are labels"
    elif not x:
        problem = "no inputs are left for the model"
        expected = "at least one entry that is no label and no sample weight"
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
