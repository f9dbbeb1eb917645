"""`WeightedSumLoss`: the total loss, written once, used in either host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._checks import check_bool, check_config, check_name
from keras_multiloss._messages import error
from keras_multiloss._platform import keras, ops, scale_for_distribution
from keras_multiloss._saving import deserialize, serializable, serialize
from keras_multiloss.evaluation import losses_of
from keras_multiloss.spec._algebra import Summand
from keras_multiloss.spec._batch import Batch
from keras_multiloss.spec._given_weights import weighted_losses
from keras_multiloss.spec._immutable import Immutable
from keras_multiloss.spec._loss_term import LossTerm
from keras_multiloss.spec._named_terms import NamedTerms
from keras_multiloss.spec._tasks_of_terms import Tasks, named_losses
from keras_multiloss.spec._term_names import PENALTY_NAME, part_name, terms_of, unique_names
from keras_multiloss.weighting import checked_weighting

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from keras_multiloss.spec._given_weights import GivenWeights

WHERE = "WeightedSumLoss"
ARGUMENTS = ("terms", "weighting", "name", "fuse")


@serializable
class WeightedSumLoss(Immutable, NamedTerms, Summand, keras.losses.Loss):
    r"""The total loss of a model with several outputs.

    $$L = \sum_t w_t \, \ell_t$$

    The weights are those of the terms; a `weighting` changes them while the model trains.

    The same object works everywhere: in `MultiLossModel.compile(loss=...)`, in
    `WeightedSumLossLayer(...)`, and in your own training loop, where you call it with dicts of
    labels and outputs. A sum cannot be changed after it is built. `loss["age"]` is one of its
    terms; `a - b`, `loss / 2`, `loss.without("age")` and `loss.replace("age", weight=2.0)` are
    new sums.

    Args:
        terms: `LossTerm` objects; sums among them are flattened. Terms without a name are
            called after their outputs; where several share a name, the name of the loss is
            added (`"age_mean_absolute_error"`).
        weighting: a rule of `kml.weighting`, or its name, that multiplies the weights of the
            terms; the model or layer that holds the loss owns its state.
        name: name of the loss.
        fuse: whether terms that share a loss (its class and its arguments), the shapes and dtypes
            of their tensors, and mask, weights and reduction are computed as one operation on all
            of their samples. Values are the same; steps and their tracing are faster. Only losses
            whose value of a sample depends on no other sample are fused: most of Keras's, many
            of `kml.losses`, and your own with the attribute `is_sample_wise = True`; and only
            samples of at most 4,096 entries, as larger ones gain nothing.

    Shape:
        - y_true: a dict from label names to tensors. The labels in a list have the names of the
          outputs in the same places; one tensor is the only label.
        - y_pred: a dict from output names to tensors, or a list addressed by position.
        - sample_weight: one tensor for every term, or a dict in which names may be missing.
        - result: a float32 scalar.

    Raises:
        ValueError: if there is no term, two terms were given the same name, a sum among the
            terms has a weighting of its own, or no weighting has the given name.
        TypeError: if `terms` holds anything but terms and sums.

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

    hint_for_change = "loss.replace('name', weight=2.0), and compile with the result"

    #: The arguments that files of version 0.1 lack.
    ADDED_LATER = ("fuse",)

    def __init__(
        self,
        terms: Iterable[Any],
        *,
        weighting: Any = None,
        name: str = "weighted_sum_loss",
        fuse: bool = True,
    ) -> None:
        check_name("WeightedSumLoss", "name", name)
        # The total is reduced and scaled here; "none" tells Keras 2 to leave it alone.
        super().__init__(reduction="none", name=name)
        self.terms, are_fused = terms_of(terms, WeightedSumLoss)
        #: A sum among the terms that is not fused keeps the whole from it.
        self.fuse = check_bool(WHERE, "fuse", fuse) and are_fused
        self.names = unique_names(self.terms)
        rule = None if weighting is None else checked_weighting(WHERE, "weighting", weighting)
        #: What has a weight.
        self.tasks = Tasks(
            dict(zip(self.names, self.terms, strict=True)),
            are_assignable=rule is not None and rule.is_assignable,
        )
        self.weighting = rule
        self._check_weighting_fits()
        self._close()

    def _check_weighting_fits(self) -> None:
        """Raise if the rule does not fit the tasks."""
        if self.weighting is None:
            return
        self.weighting.initial_state(self.task_names)
        if self.has_penalty and PENALTY_NAME in {*self.names, *self.task_names}:
            raise error(
                ValueError,
                WHERE,
                f"the log of term {PENALTY_NAME!r} would have the name of the weighting's penalty",
                expected="another name of the term",
                received=f"{self.names}",
                hint="give it another name: LossTerm(..., name=...)",
            )

    @property
    def task_names(self) -> list[str]:
        """What has a weight, that is the terms, or the parts of a term that are tasks."""
        return list(self.tasks.names)

    @property
    def given_weights(self) -> GivenWeights:
        """What the terms say of their weights, before the weighting multiplies them."""
        return self.tasks.given_weights

    @property
    def is_moving(self) -> bool:
        """Whether a weight changes in training, so that a host has to own its state."""
        return bool(self.moving_names or self.moving_parts)

    @property
    def moving_names(self) -> list[str]:
        """The names of the tasks whose weight changes in training; the others are constant."""
        return list(self.given_weights.schedules if self.weighting is None else self.task_names)

    @property
    def moving_parts(self) -> list[tuple[str, str]]:
        """The term and the name of each part whose weight changes, unless it is a task."""
        return self.tasks.moving_parts

    @property
    def has_penalty(self) -> bool:
        """Whether a weighting adds a penalty to the terms."""
        return self.weighting is not None and self.weighting.has_penalty

    def weights_at(self, step: Any = None) -> dict[str, Any]:
        """The weight of each task by name: a number, or a float32 scalar that follows a schedule.

        A term is one task, unless it was built with `parts_as_tasks=True`.

        Args:
            step: the number of training steps taken; needed by schedules only.

        Raises:
            ValueError: if a weighting sets the weights, whose state only a host has, or a weight
                follows a schedule and there is no `step`.
        """
        self._check_knows_weights(step)
        given = self.given_weights
        weights = {**given.constant, **given.scheduled_at(step)}
        return {name: weights[name] for name in self.task_names}

    def _check_knows_weights(self, step: Any) -> None:
        """Raise if only a host can tell the weights."""
        if self.weighting is not None:
            raise error(
                ValueError,
                WHERE,
                "its weights are set by a weighting, whose state only a layer can own",
                expected="a MultiLossModel or a WeightedSumLossLayer to hold the loss",
                received=f"a call of the loss itself, with {self.weighting!r}",
                hint="call the layer in a training loop, or read `model.term_weights`",
            )
        if step is None and self.is_moving:
            first = [*self.moving_names, *(part_name(*key) for key in self.moving_parts)][0]
            raise error(
                ValueError,
                WHERE,
                f"the weight of term {first!r} is a schedule",
                expected="the `step` at which to read it",
                received="step=None",
                hint="MultiLossModel and WeightedSumLossLayer count steps; elsewhere pass `step`",
            )

    def term_losses(
        self,
        y_true: Any,
        y_pred: Any,
        sample_weight: Any = None,
        *,
        x: Any = None,
        output_names: Sequence[str] | None = None,
        step: Any = None,
    ) -> dict[str, Any]:
        """The unweighted loss of each term and of its parts, `<term>_<part>`, by name.

        Terms that are not required and whose label is absent are left out.

        Args:
            y_true: labels, as for calling the loss.
            y_pred: outputs, as for calling the loss.
            sample_weight: weights, as for calling the loss.
            x: inputs, as for calling the loss.
            output_names: what the outputs are called, where they are a list.
            step: the number of training steps taken; needed by schedules of parts only.
        """
        batch = Batch.of(self, y_true, y_pred, sample_weight, x=x, output_names=output_names)
        moving = {} if step is None else self.given_weights.parts_at(step)
        reduced = self.tasks.reduced(batch, moving)
        return named_losses(self.names, reduced)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self(y_true, y_pred)

    def __call__(
        self,
        y_true: Any,
        y_pred: Any,
        sample_weight: Any = None,
        *,
        x: Any = None,
        step: Any = None,
    ) -> Any:
        """The total loss.

        Args:
            y_true: labels by name.
            y_pred: outputs by name.
            sample_weight: one tensor, or a dict by name.
            x: inputs by name; needed by terms with `kml.from_input(...)` only.
            step: the number of training steps taken; needed by schedules only.

        Raises:
            ValueError: if a weighting sets the weights, whose state only a host has, or a weight
                follows a schedule and there is no `step`.
        """
        self._check_knows_weights(step)
        given = self.given_weights
        moving = given.scheduled_at(step)
        batch = Batch.of(self, y_true, y_pred, sample_weight, x=x)
        blocks = self.tasks.blocks(batch, {**moving, **given.parts_at(step)}, fuse=self.fuse)
        if not blocks:
            return ops.zeros(())
        weights = given.vector([name for block in blocks for name in block.names], moving)
        total = ops.sum(weighted_losses(losses_of([block.reduced for block in blocks]), weights))
        return scale_for_distribution(total)

    def with_terms(self, terms: list[LossTerm]) -> WeightedSumLoss:
        """A sum of other terms, with the weighting and the name of this one."""
        return WeightedSumLoss(terms, weighting=self.weighting, name=self.name, fuse=self.fuse)

    def scaled_by(self, factor: float) -> WeightedSumLoss:
        """The sum with the weights of all terms multiplied by a finite number."""
        if self.has_penalty:
            raise error(
                ValueError,
                WHERE,
                "a sum whose weighting has a penalty cannot be multiplied",
                expected="factors on the terms, which the weighting multiplies",
                received=f"{factor} * {self!r}",
                hint="to scale the whole loss, change the learning rate",
            )
        return self.with_terms([term * factor for term in self.terms])

    def get_config(self) -> dict[str, Any]:
        return {
            "terms": [term.get_config() for term in self.terms],
            "weighting": None if self.weighting is None else serialize(self.weighting),
            "name": self.name,
            "fuse": self.fuse,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> WeightedSumLoss:
        required = [name for name in ARGUMENTS if name not in cls.ADDED_LATER]
        config = check_config(cls, config, ARGUMENTS, required=required)
        if isinstance(config["terms"], (list, tuple)):
            config["terms"] = [LossTerm.from_config(term) for term in config["terms"]]
        where = "WeightedSumLoss: `weighting`"
        config["weighting"] = deserialize(where, config.get("weighting"), None)
        return cls(**config)

    def __repr__(self) -> str:
        rule = "" if self.weighting is None else f", weighting={self.weighting!r}"
        return f"<WeightedSumLoss {self.name!r}: {list(self.terms)}{rule}>"
