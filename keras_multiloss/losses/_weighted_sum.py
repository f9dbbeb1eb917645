"""`WeightedSumLoss`: the total loss, written once, used in either host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._checks import (
    check_config,
    check_finite_number,
    check_name,
    error,
    suggestion,
    unknown_name,
)
from keras_multiloss._evaluation import names_of
from keras_multiloss._keras import keras, ops, scale_for_distribution
from keras_multiloss._names import Key, by_name
from keras_multiloss._serialization import serializable
from keras_multiloss._terms import LossTerm

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@serializable
class WeightedSumLoss(keras.losses.Loss):
    r"""The total loss of a model with several outputs.

    $$L = \sum_t w_t \, \ell_t$$

    One spec works in every place: `MultiLossModel.compile(loss=...)`,
    `WeightedSumLossLayer(...)`, and a training loop of one's own, where it is called with
    dicts of labels and outputs.

    Args:
        terms: `LossTerm` objects; sums among them are flattened. Terms without a name are
            called after their outputs; where several share a name, the name of the loss is
            added (`"age_mean_absolute_error"`).
        name: name of the loss.

    Shape:
        - y_true: a dict from label names to tensors. A list is named by the outputs of its
          order; a tensor is the only label there is.
        - y_pred: a dict from output names to tensors, or a list addressed by position.
        - sample_weight: one tensor for every term, or a dict in which names may be missing.
        - result: a float32 scalar.

    Raises:
        ValueError: if there is no term, or two terms were given one name.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> loss = kml.LossTerm("mse", "age") + 0.5 * kml.LossTerm("mae", "height")
        >>> labels = {"age": np.zeros((2, 1)), "height": np.zeros((2, 1))}
        >>> outputs = {"age": np.full((2, 1), 2.0), "height": np.full((2, 1), 4.0)}
        >>> float(loss(labels, outputs))
        6.0
        >>> {name: float(value) for name, value in loss.term_losses(labels, outputs).items()}
        {'age': 4.0, 'height': 4.0}
    """

    def __init__(self, terms: Iterable[Any], *, name: str = "weighted_sum_loss") -> None:
        check_name("WeightedSumLoss", "name", name)
        super().__init__(name=name)
        self.terms = _flatten(terms)
        self.names = _unique_names(self.terms)

    @property
    def is_scheduled(self) -> bool:
        """Whether a weight follows a schedule, so that the total depends on the step."""
        return any(callable(term.weight) for term in self.terms)

    @property
    def scheduled_names(self) -> list[str]:
        """The names of the terms whose weight follows a schedule."""
        pairs = zip(self.names, self.terms, strict=True)
        return [name for name, term in pairs if callable(term.weight)]

    @property
    def output_keys(self) -> list[Key]:
        """The outputs that the terms name, each once."""
        return _distinct(key for term in self.terms for key in term.output_keys)

    @property
    def label_keys(self) -> list[Key]:
        """The labels that the terms name, each once."""
        return _distinct(key for term in self.terms for key in term.label_keys)

    def term_losses(
        self,
        y_true: Any,
        y_pred: Any,
        sample_weight: Any = None,
        *,
        output_names: Sequence[str] | None = None,
    ) -> dict[str, Any]:
        """The unweighted loss of each term, by name.

        Terms that are not required and whose label is absent are left out.

        Args:
            y_true: labels, as for calling the loss.
            y_pred: outputs, as for calling the loss.
            sample_weight: weights, as for calling the loss.
            output_names: what the outputs are called, where they are a list.
        """
        outputs = self._outputs(y_pred, output_names)
        labels = self.named_labels(y_true, output_names)
        weight_of = self._sample_weights(sample_weight, outputs, output_names)
        losses = {}
        for name, term in zip(self.names, self.terms, strict=True):
            if term.required or term.is_present(labels):
                losses[name] = term.value(labels, outputs, weight_of(term, name), name=name)
            else:
                self._check_not_misspelt(term, name, labels)
        return losses

    def term_weights(self, step: Any = None) -> dict[str, Any]:
        """The weight of each term, by name.

        Args:
            step: the number of training steps taken; needed by schedules only.
        """
        if step is None and self.is_scheduled:
            raise error(
                ValueError,
                "WeightedSumLoss",
                f"the weight of term {self.scheduled_names[0]!r} is a schedule",
                expected="the `step` it is to be read at",
                received="step=None",
                hint="use MultiLossModel or WeightedSumLossLayer, which count steps, or pass `step`",
            )
        return {
            name: _weight_at(term.weight, step)
            for name, term in zip(self.names, self.terms, strict=True)
        }

    def total(self, losses: dict[str, Any], weights: dict[str, Any]) -> Any:
        """The weighted sum of term losses; a term of constant weight 0 is left out."""
        weighted = [
            value * weights[name]
            for name, value in losses.items()
            if not (isinstance(weights[name], float) and weights[name] == 0.0)
        ]
        if not weighted:
            return ops.zeros(())
        return sum(weighted[1:], start=weighted[0])

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self.total(self.term_losses(y_true, y_pred), self.term_weights())

    def __call__(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None, *, step: Any = None
    ) -> Any:
        """The total loss.

        Args:
            y_true: labels by name.
            y_pred: outputs by name.
            sample_weight: one tensor, or a dict by name.
            step: the number of training steps taken; needed by schedules only.
        """
        losses = self.term_losses(y_true, y_pred, sample_weight)
        return scale_for_distribution(self.total(losses, self.term_weights(step)))

    def _outputs(self, y_pred: Any, names: Sequence[str] | None) -> dict[Key, Any]:
        if names is None and _is_one_tensor(y_pred):
            if len(self.output_keys) > 1:
                raise error(
                    ValueError,
                    "WeightedSumLoss",
                    "it was given one output and names several",
                    expected=f"outputs {self.output_keys} by name",
                    received="one tensor",
                    hint="`keras.Model.compile` shows a loss one output at a time: use "
                    "`MultiLossModel.from_model(model)`",
                )
            names = [str(key) for key in self.output_keys]
        return by_name(y_pred, names, where="WeightedSumLoss")

    def named_labels(self, y_true: Any, output_names: Sequence[str] | None) -> dict[Key, Any]:
        """The labels as a flat dict, from whatever structure they come in."""
        names = output_names
        if _is_one_tensor(y_true) and len(self.label_keys) == 1:
            names = [str(key) for key in self.label_keys]
        elif _is_one_tensor(y_true) and len(self.label_keys) > 1 and len(names or ()) != 1:
            raise error(
                ValueError,
                "WeightedSumLoss",
                "the labels are one tensor and the terms name several",
                expected=f"a dict with the labels {self.label_keys}",
                received=f"one tensor of shape {tuple(y_true.shape)}",
            )
        return by_name(y_true, names, where="WeightedSumLoss")

    def _sample_weights(
        self, sample_weight: Any, outputs: dict[Key, Any], output_names: Sequence[str] | None
    ) -> Any:
        """A function from a term to its sample weight."""
        if sample_weight is None or _is_one_tensor(sample_weight):
            return lambda term, name: sample_weight
        weights = by_name(sample_weight, output_names, where="WeightedSumLoss")
        own = [term.sample_weight for term in self.terms if term.sample_weight is not None]
        known = _distinct([*names_of(outputs), *self.names, *own])
        for key in weights:
            if key not in known and key not in outputs:
                raise unknown_name(
                    "WeightedSumLoss", "a sample weight belongs to no output or term", key, known
                )
        return lambda term, name: _sample_weight_of(term, name, weights)

    def _check_not_misspelt(self, term: LossTerm, name: str, labels: dict[Key, Any]) -> None:
        """Raise if the label of a skipped term is there under a name much like its own."""
        unused = [key for key in names_of(labels) if key not in self.label_keys]
        for key in term.label_keys:
            hint = suggestion(key, unused, cutoff=0.8)
            if key not in labels and hint is not None:
                raise error(
                    ValueError,
                    "WeightedSumLoss",
                    f"term {name!r} would be skipped, as its label is not in the data",
                    expected=f"{key!r}, or no label that no term names",
                    received=f"{unused}",
                    hint=f"{hint} If not, drop that label from the data.",
                )

    def __add__(self, other: Any) -> WeightedSumLoss:
        return add(self, other)

    __radd__ = __add__

    def __mul__(self, factor: float) -> WeightedSumLoss:
        factor = check_finite_number("WeightedSumLoss", "factor", factor)
        return WeightedSumLoss([term * factor for term in self.terms], name=self.name)

    __rmul__ = __mul__

    def get_config(self) -> dict[str, Any]:
        return {
            "terms": [term.get_config() for term in self.terms],
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> WeightedSumLoss:
        config = check_config(cls, config, ("terms", "name"))
        terms = config.pop("terms", [])
        return cls([LossTerm.from_config(term) for term in terms], **config)

    def __repr__(self) -> str:
        return f"<WeightedSumLoss {self.name!r}: {self.terms}>"


def add(*parts: Any) -> WeightedSumLoss:
    """The sum of terms and sums; a part that is 0 is left out, so that `sum(terms)` works."""
    if any(not isinstance(part, (LossTerm, WeightedSumLoss)) and part != 0 for part in parts):
        return NotImplemented
    return WeightedSumLoss([part for part in parts if part != 0])


def _flatten(terms: Any) -> list[LossTerm]:
    if isinstance(terms, (LossTerm, WeightedSumLoss)):
        terms = [terms]
    if not isinstance(terms, (list, tuple)):
        raise error(
            TypeError,
            "WeightedSumLoss",
            "`terms` is not a list of terms",
            expected="a list of LossTerm objects",
            received=f"{terms!r} of type {type(terms).__name__}",
        )
    flat: list[LossTerm] = []
    for term in terms:
        if isinstance(term, WeightedSumLoss):
            flat.extend(term.terms)
        elif isinstance(term, LossTerm):
            flat.append(term)
        else:
            raise error(
                TypeError,
                "WeightedSumLoss",
                "one of `terms` is not a term",
                expected="LossTerm or WeightedSumLoss objects",
                received=f"{term!r} of type {type(term).__name__}",
                hint="wrap the loss: LossTerm(loss, outputs, labels)",
            )
    if not flat:
        raise error(
            ValueError,
            "WeightedSumLoss",
            "there are no terms",
            expected="at least one LossTerm",
            received="[]",
        )
    return flat


def _unique_names(terms: list[LossTerm]) -> list[str]:
    given = [term.name for term in terms if term.name is not None]
    for name in given:
        if given.count(name) > 1:
            raise error(
                ValueError,
                "WeightedSumLoss",
                "two terms have one name",
                expected="a name of its own for each term",
                received=f"{name!r} {given.count(name)} times",
                hint="give one of them another name: LossTerm(..., name=...)",
            )
    defaults = [term.default_name for term in terms]
    names: list[str] = []
    for term, default in zip(terms, defaults, strict=True):
        name = default
        if term.name is None and defaults.count(default) > 1:
            name = f"{default}_{term.loss_name}"
        names.append(name if term.name is not None else _numbered(name, [*given, *names]))
    return names


def _numbered(name: str, taken: list[str]) -> str:
    if name not in taken:
        return name
    n = 2
    while f"{name}_{n}" in taken:
        n += 1
    return f"{name}_{n}"


def _weight_at(weight: Any, step: Any) -> Any:
    return ops.cast(weight(step), "float32") if callable(weight) else weight


def _sample_weight_of(term: LossTerm, name: str, weights: dict[Key, Any]) -> Any:
    if term.sample_weight is not None:
        if term.sample_weight not in weights:
            raise unknown_name(
                "WeightedSumLoss",
                f"term {name!r} names a sample weight that is not in the data",
                term.sample_weight,
                names_of(weights),
            )
        return weights[term.sample_weight]
    keys = [*term.output_keys, name] if len(term.output_keys) == 1 else [name]
    return next((weights[key] for key in keys if key in weights), None)


def _is_one_tensor(structure: Any) -> bool:
    return structure is not None and not isinstance(structure, (dict, list, tuple))


def _distinct(keys: Iterable[Key]) -> list[Key]:
    return list(dict.fromkeys(keys))


def as_weighted_sum(where: str, loss: Any) -> WeightedSumLoss:
    """A sum from a sum or a single term; raises for anything else."""
    if isinstance(loss, WeightedSumLoss):
        return loss
    if isinstance(loss, LossTerm):
        return WeightedSumLoss([loss])
    raise error(
        TypeError,
        where,
        "`loss` is not a total loss",
        expected="a WeightedSumLoss or a LossTerm",
        received=f"{loss!r} of type {type(loss).__name__}",
        hint="wrap it: LossTerm(loss, outputs, labels)",
    )
