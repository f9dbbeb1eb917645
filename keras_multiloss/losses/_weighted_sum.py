"""`WeightedSumLoss`: the total loss, written once, used in either host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._checks import check_config, check_finite_number, check_name, described, error
from keras_multiloss._keras import keras, ops, scale_for_distribution
from keras_multiloss._schedules import value_at
from keras_multiloss._serialization import deserialize, serializable, serialize
from keras_multiloss._terms import LossTerm
from keras_multiloss.losses._lookup import (
    check_not_misspelt,
    distinct,
    labels_by_name,
    outputs_by_name,
    sample_weight_finder,
    switched,
)
from keras_multiloss.losses._term_list import PENALTY_NAME, flatten, unique_names
from keras_multiloss.weighting import get as get_weighting

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from keras_multiloss._names import Key
    from keras_multiloss.weighting import Weighting


@serializable
class WeightedSumLoss(keras.losses.Loss):
    r"""The total loss of a model with several outputs.

    $$L = \sum_t w_t \, \ell_t$$

    The weights are those of the terms; a `weighting` moves them while the model trains.

    One spec works in every place: `MultiLossModel.compile(loss=...)`,
    `WeightedSumLossLayer(...)`, and a training loop of one's own, where it is called with
    dicts of labels and outputs.

    Args:
        terms: `LossTerm` objects; sums among them are flattened. Terms without a name are
            called after their outputs; where several share a name, the name of the loss is
            added (`"age_mean_absolute_error"`).
        weighting: a rule of `kml.weighting`, or its name, that multiplies the weights of the
            terms; the hosts own its state.
        name: name of the loss.

    Shape:
        - y_true: a dict from label names to tensors. A list is named by the outputs of its
          order; a tensor is the only label there is.
        - y_pred: a dict from output names to tensors, or a list addressed by position.
        - sample_weight: one tensor for every term, or a dict in which names may be missing.
        - result: a float32 scalar.

    Raises:
        ValueError: if there is no term, two terms were given one name, or no weighting has
            the given name.

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

    def __init__(
        self, terms: Iterable[Any], *, weighting: Any = None, name: str = "weighted_sum_loss"
    ) -> None:
        check_name("WeightedSumLoss", "name", name)
        # The total is reduced and scaled here; "none" tells Keras 2 to leave it alone.
        super().__init__(reduction="none", name=name)
        self.terms = flatten(terms, WeightedSumLoss)
        self.names = unique_names(self.terms)
        self.weighting = None if weighting is None else self._checked(weighting)

    def _checked(self, weighting: Any) -> Weighting:
        """The rule, which fits the terms."""
        rule = get_weighting("WeightedSumLoss", "weighting", weighting)
        rule.initial_state(self.names)
        if rule.has_penalty and PENALTY_NAME in self.names:
            raise error(
                ValueError,
                "WeightedSumLoss",
                f"the log of term {PENALTY_NAME!r} is that of the weighting's penalty",
                expected="another name of the term",
                received=f"{self.names}",
                hint="give it another name: LossTerm(..., name=...)",
            )
        return rule

    @property
    def is_moving(self) -> bool:
        """Whether a weight moves, so that a host has to own its state."""
        return bool(self.moving_names)

    @property
    def has_penalty(self) -> bool:
        """Whether a weighting adds a penalty to the terms."""
        return self.weighting is not None and self.weighting.has_penalty

    @property
    def moving_names(self) -> list[str]:
        """The names of the terms whose weight moves."""
        return self.scheduled_names if self.weighting is None else list(self.names)

    @property
    def is_scheduled(self) -> bool:
        """Whether a weight follows a schedule, so that the total depends on the step."""
        return bool(self.scheduled_names)

    @property
    def scheduled_names(self) -> list[str]:
        """The names of the terms whose own weight follows a schedule."""
        pairs = zip(self.names, self.terms, strict=True)
        return [name for name, term in pairs if callable(term.weight)]

    @property
    def output_keys(self) -> list[Key]:
        """The outputs that the terms name, each once."""
        return distinct(key for term in self.terms for key in term.output_keys)

    @property
    def label_keys(self) -> list[Key]:
        """The labels that the terms name, each once."""
        return distinct(key for term in self.terms for key in term.label_keys)

    def term_losses(
        self,
        y_true: Any,
        y_pred: Any,
        sample_weight: Any = None,
        *,
        output_names: Sequence[str] | None = None,
        weights: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The unweighted loss of each term, by name.

        Terms that are not required and whose label is absent are left out.

        Args:
            y_true: labels, as for calling the loss.
            y_pred: outputs, as for calling the loss.
            sample_weight: weights, as for calling the loss.
            output_names: what the outputs are called, where they are a list.
            weights: the weights as far as they are known before the losses. No gradient flows
                through a term while its weight is 0, not even one that is not finite.
        """
        outputs = outputs_by_name(self.output_keys, y_pred, output_names)
        labels = self.named_labels(y_true, output_names)
        terms = dict(zip(self.names, self.terms, strict=True))
        weight_of = sample_weight_finder(terms, sample_weight, outputs, output_names)
        losses = {}
        for name, term in terms.items():
            if term.required or term.is_present(labels):
                seen = switched(outputs, term.output_keys, (weights or {}).get(name, 1.0))
                losses[name] = term.value(labels, seen, weight_of(name), name=name)
            else:
                check_not_misspelt(term, name, labels, self.label_keys)
        return losses

    def named_labels(self, y_true: Any, output_names: Sequence[str] | None) -> dict[Key, Any]:
        """The labels as a flat dict, from whatever structure they come in."""
        return labels_by_name(self.label_keys, y_true, output_names)

    def term_weights(self, step: Any = None) -> dict[str, Any]:
        """The weight of each term, by name.

        Args:
            step: the number of training steps taken; needed by schedules only.
        """
        self._check_knows_weights(step)
        return self.given_weights(step)

    def _check_knows_weights(self, step: Any) -> None:
        """Raise if only a host can tell the weights."""
        if self.weighting is not None:
            raise error(
                ValueError,
                "WeightedSumLoss",
                "its weights are set by a weighting, whose state only a layer can own",
                expected="a MultiLossModel or a WeightedSumLossLayer to hold the loss",
                received=f"a call of the loss itself, with {self.weighting!r}",
                hint="call the layer in a training loop, or read `model.term_weights`",
            )
        if step is None and self.is_scheduled:
            raise error(
                ValueError,
                "WeightedSumLoss",
                f"the weight of term {self.scheduled_names[0]!r} is a schedule",
                expected="the `step` it is to be read at",
                received="step=None",
                hint="MultiLossModel and WeightedSumLossLayer count steps; elsewhere pass `step`",
            )

    def given_weights(self, step: Any) -> dict[str, Any]:
        """The weights that the terms were given, whatever a weighting makes of them."""
        return {
            name: value_at(term.weight, step)
            for name, term in zip(self.names, self.terms, strict=True)
        }

    def weighted(self, losses: dict[str, Any], weights: dict[str, Any]) -> dict[str, Any]:
        """The term losses, each times its weight.

        A term of weight 0 gives 0, also where its loss is not finite; one whose weight is the
        constant 0 is left out.
        """
        found = {}
        for name, value in losses.items():
            weight = weights[name]
            if not isinstance(weight, float):
                value = ops.where(weight == 0, ops.zeros_like(value), value)  # noqa: PLW2901
            elif weight == 0.0:
                continue
            found[name] = value * weight
        return found

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return added_up(self.weighted(self.term_losses(y_true, y_pred), self.term_weights()))

    def __call__(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None, *, step: Any = None
    ) -> Any:
        """The total loss.

        Args:
            y_true: labels by name.
            y_pred: outputs by name.
            sample_weight: one tensor, or a dict by name.
            step: the number of training steps taken; needed by schedules only.

        Raises:
            ValueError: if a weighting sets the weights, whose state only a host has.
        """
        weights = self.term_weights(step)
        losses = self.term_losses(y_true, y_pred, sample_weight, weights=weights)
        return scale_for_distribution(added_up(self.weighted(losses, weights)))

    def __add__(self, other: Any) -> WeightedSumLoss:
        return add(self, other)

    __radd__ = __add__

    def __mul__(self, factor: float) -> WeightedSumLoss:
        factor = check_finite_number("WeightedSumLoss", "factor", factor)
        if self.has_penalty:
            raise error(
                ValueError,
                "WeightedSumLoss",
                "a sum whose weighting has a penalty is not multiplied",
                expected="factors of the terms, which the weighting multiplies",
                received=f"{factor} * {self!r}",
                hint="the size of the whole is that of the learning rate",
            )
        terms = [term * factor for term in self.terms]
        return WeightedSumLoss(terms, weighting=self.weighting, name=self.name)

    __rmul__ = __mul__

    def get_config(self) -> dict[str, Any]:
        return {
            "terms": [term.get_config() for term in self.terms],
            "weighting": None if self.weighting is None else serialize(self.weighting),
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> WeightedSumLoss:
        config = check_config(cls, config, ("terms", "weighting", "name"), required=("terms",))
        if isinstance(config["terms"], (list, tuple)):
            config["terms"] = [LossTerm.from_config(term) for term in config["terms"]]
        where = "WeightedSumLoss: `weighting`"
        config["weighting"] = deserialize(where, config.get("weighting"), None)
        return cls(**config)

    def __repr__(self) -> str:
        rule = "" if self.weighting is None else f", weighting={self.weighting!r}"
        return f"<WeightedSumLoss {self.name!r}: {self.terms}{rule}>"


def added_up(weighted: dict[str, Any]) -> Any:
    """The sum of weighted terms, 0 if there are none."""
    first, *others = weighted.values() or [ops.zeros(())]
    return sum(others, start=first)


def add(*parts: Any) -> WeightedSumLoss:
    """The sum of terms and sums; a part that is 0 is left out, so that `sum(terms)` works."""
    summands = [part for part in parts if not (isinstance(part, int) and part == 0)]
    if not all(isinstance(part, (LossTerm, WeightedSumLoss)) for part in summands):
        return NotImplemented
    for part in summands:
        if getattr(part, "weighting", None) is not None:
            raise error(
                ValueError,
                "WeightedSumLoss",
                "a sum with a weighting is not added to",
                expected="terms and sums without a weighting",
                received=repr(part),
                hint="the weighting belongs to the whole: WeightedSumLoss(a + b, weighting=...)",
            )
    return WeightedSumLoss(summands)


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
        received=described(loss),
        hint="wrap it: LossTerm(loss, outputs, labels)",
    )
