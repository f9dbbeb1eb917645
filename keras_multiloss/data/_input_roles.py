"""What the inputs of a model that reads labels are: its own inputs, labels, or weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from keras_multiloss._messages import error, unknown_name
from keras_multiloss.spec import Key, label_input_name, sample_weight_input_name

if TYPE_CHECKING:
    from collections.abc import Iterable

#: The part of a batch that an input belongs to.
Part = Literal["input", "label", "sample weight"]

LABEL_SUFFIX = label_input_name("")
WEIGHT = sample_weight_input_name()
WEIGHT_SUFFIX = sample_weight_input_name("")


class Roles:
    """The part and the name of each input, by its own name or by a map.

    Args:
        where: the name of the caller, for errors.
        labels: the labels to take; `None` for all that can be told by their names.
        rename: from names of labels and sample weights to the names of their inputs.

    Raises:
        ValueError: if two of them share an input, or `rename` has a label that `labels`
            does not have.
    """

    def __init__(self, where: str, labels: list[Key] | None, rename: dict[Key, str]) -> None:
        self.where = where
        self.takes_all_labels = labels is None
        weights = [name for name in rename if is_weight(str(name)) and name not in (labels or [])]
        renamed = {name: key for name, key in rename.items() if name not in weights}
        names = list(renamed) if labels is None else labels
        for name in renamed:
            if name not in names:
                problem = "`rename` has a name that is not in `labels`"
                raise unknown_name(where, problem, name, names)
        self.label_inputs = {name: label_input_name(name) for name in names} | renamed
        self.weight_inputs = {name: rename[name] for name in weights}
        _check_inputs_differ(where, {**self.label_inputs, **self.weight_inputs})
        self._label_of = {key: name for name, key in self.label_inputs.items()}
        self._weight_of = {key: str(name) for name, key in self.weight_inputs.items()}

    def check_present(self, keys: Iterable[str]) -> None:
        """Raise unless all labels and sample weights that have names are among the inputs."""
        named: list[tuple[Part, dict[Any, str]]]
        named = [("label", self.label_inputs), ("sample weight", self.weight_inputs)]
        for part, inputs in named:
            for name, key in inputs.items():
                if key not in keys:
                    problem = f"the input of {part} {name!r} is not in the data"
                    raise unknown_name(self.where, problem, key, keys)

    def role_of(self, key: str) -> tuple[Part, Key | None]:
        """The part of an input, and its name there; a weight for all terms has none."""
        if key in self._label_of:
            return "label", self._label_of[key]
        label = key.removesuffix(LABEL_SUFFIX)
        if self.takes_all_labels and label != key and label not in self.label_inputs:
            return "label", label
        if key in self._weight_of or (is_weight(key) and key not in self.weight_inputs):
            return "sample weight", self._weighted(self._weight_of.get(key, key))
        return "input", key

    def _weighted(self, weight: str) -> Key | None:
        """What a sample weight weighs: a label whose name it has, another name, or all."""
        if weight == WEIGHT:
            return None
        names = {sample_weight_input_name(str(name)): name for name in self.label_inputs}
        return names.get(weight, weight.removesuffix(WEIGHT_SUFFIX))


def is_weight(name: str) -> bool:
    """Whether the input of a sample weight has this name by default."""
    return name == WEIGHT or name.endswith(WEIGHT_SUFFIX)


def _check_inputs_differ(where: str, input_of: dict[Key, str]) -> None:
    names: dict[str, Key] = {}
    for name, key in input_of.items():
        other = names.setdefault(key, name)
        if other != name:
            raise error(
                ValueError,
                where,
                f"two labels or sample weights share the input {key!r}",
                expected="an input of its own for each label and sample weight",
                received=f"{other!r} and {name!r}",
                hint="give one of them the name of another input by `rename`",
            )
