"""`LossTerm`: one scalar, made by one loss from named outputs and labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

from keras_multiloss._checks import (
    check_bool,
    check_choice,
    check_class_weight,
    check_keys,
    check_mask,
    check_optional_name,
)
from keras_multiloss._saving import get_loss, is_of_keras, loss_name, serializable
from keras_multiloss.evaluation import class_weights, evaluate, losses_of, weighs_entries
from keras_multiloss.spec._algebra import Summand
from keras_multiloss.spec._batch import Batch
from keras_multiloss.spec._checked_keys import (
    SAME_AS_OUTPUTS,
    KeyOrSource,
    Keys,
    check_not_swapped,
    checked_outputs,
    default_labels,
)
from keras_multiloss.spec._immutable import Immutable
from keras_multiloss.spec._named_tensors import NamedTensors
from keras_multiloss.spec._tensor_sources import SOURCES
from keras_multiloss.spec._term_checks import check_arguments_fit, checked_part_weights
from keras_multiloss.spec._term_configs import ARGUMENTS, term_arguments, term_config
from keras_multiloss.spec._term_tensors import TermTensors
from keras_multiloss.weighting import check_weight, scaled

if TYPE_CHECKING:
    from keras_multiloss.evaluation import Evaluated, Mask
    from keras_multiloss.spec._by_name import Key

TermReduction = Literal["mean", "sum", "sum_over_axes", "mean_per_sample", "weighted_mean"]


@serializable
class LossTerm(Immutable, NamedTensors, Summand):
    r"""One term $w \cdot \ell$ of a total loss, over outputs and labels given by name.

    Terms add up to a `WeightedSumLoss`, and a number times a term scales its weight:
    `LossTerm("mse", "age") + 0.5 * LossTerm("binary_crossentropy", "sex")`. A term cannot be
    changed after it is built.

    Args:
        loss: a Keras loss, its name, a registered function or a `JointLoss`. What cannot be
            restored from a file (a lambda, an unregistered function) is refused here.
        outputs: the name of an output, a list of names, or a position for models whose
            outputs are a list. Entries of nested dicts are joined by a slash, `"head/box"`.
            The loss gets a tensor for a name and a tuple for a list. A list may hold
            `kml.from_input("image")` as well, for a loss that needs an input beside the outputs.
        labels: the same for labels; by default, labels have the names of the outputs.
            `kml.from_input("image")` and `kml.from_output("teacher")` are labels that the model
            has, not the data. `None` for a term that needs no label: its loss gets `y_true=None`,
            and a loss of Keras over single entries, such as `"mse"`, is taken against 0.
        weight: a finite number, or a `keras.optimizers.schedules` schedule of the step (the
            number of training steps taken so far).
        name: the name in the log, `<name>_loss`. By default the output's name, or the names
            of several outputs joined by an underscore.
        mask: what marks a missing label: `"nan"` or a number such as `-1`. Keras losses that
            are a mean over single entries leave out the missing entries; other losses leave
            out each sample that lacks one. A batch without any label gives 0. Steps that Keras's
            masking layers mark as padding are left out where the loss has one value per step.
        sample_weight: the name of the sample weight to use where these come as a dict. By
            default the output's name, then the term's own; one array serves every term.
        class_weight: a dict from class number to weight; other classes have weight 1. The class
            is the number in the label, for each entry of a multi-label loss, or the largest
            entry where the loss takes a label of one entry per class.
        required: if false, the term is skipped where its label is not in the data.
        reduction: how the values $v$ of the loss, with their weights $w$, become one number; by
            default as the loss says. `"mean"`: their sum divided by how many count, as Keras does.
            `"weighted_mean"`: divided by the sum of the weights. `"sum"`: not divided.
            `"sum_over_axes"`: summed up in each sample and divided by the number of samples, so
            that `"mse"` adds up all entries of an image. `"mean_per_sample"`: the mean over the
            samples of what is the mean in each, so that short sequences count as much as long
            ones. A sample of which nothing counts is left out.
        part_weights: weights of the parts of a loss whose `call` returns a dict of parts, by
            name; numbers or schedules. The log has `<name>_<part>_loss` for each, unweighted.
        parts_as_tasks: whether each part is a task of its own for a weighting or an aggregator.
            All parts must then have a weight in `part_weights`.

    Raises:
        ValueError: for a loss that no file could restore, a weight that is not finite, or
            an empty name.
        TypeError: for an argument of the wrong type.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> term = kml.LossTerm("mse", "age", weight=2.0, mask="nan")
        >>> loss = kml.WeightedSumLoss([term])
        >>> labels = {"age": np.array([1.0, float("nan")], "float32")}
        >>> outputs = {"age": np.array([[3.0], [5.0]], "float32")}
        >>> float(loss(labels, outputs))
        8.0
    """

    hint_for_change = "loss.replace('name', weight=2.0) gives a sum with a term like it"

    def __init__(
        self,
        loss: Any,
        outputs: KeyOrSource | list[KeyOrSource],
        labels: Keys = SAME_AS_OUTPUTS,
        *,
        weight: Any = 1.0,
        name: str | None = None,
        mask: Mask = None,
        sample_weight: str | None = None,
        class_weight: dict[int, float] | None = None,
        required: bool = True,
        reduction: TermReduction | None = None,
        part_weights: dict[str, Any] | None = None,
        parts_as_tasks: bool = False,
    ) -> None:
        self.name = check_optional_name("LossTerm", "name", name)
        where = self.where
        self.outputs = checked_outputs(where, outputs)
        if labels is SAME_AS_OUTPUTS:
            labels = default_labels(self.outputs)
        self.labels = check_keys(where, "labels", labels, or_of=SOURCES)
        check_not_swapped(where, loss, outputs)
        self.loss = get_loss(where, loss)
        self.weight = check_weight(where, weight)
        self.mask = check_mask(where, "mask", mask)
        self.sample_weight = check_optional_name(where, "sample_weight", sample_weight)
        self.class_weight = check_class_weight(where, class_weight)
        self.required = check_bool(where, "required", required)
        if reduction is not None:
            check_choice(where, "reduction", reduction, get_args(TermReduction))
        self.reduction = reduction
        self.part_weights = checked_part_weights(where, part_weights)
        self.parts_as_tasks = check_bool(where, "parts_as_tasks", parts_as_tasks)
        check_arguments_fit(self)
        self._close()

    @property
    def where(self) -> str:
        """How messages name this term."""
        return "LossTerm" if self.name is None else f"LossTerm {self.name!r}"

    @property
    def default_name(self) -> str:
        """The name in the log, unless another term of the sum has it too."""
        if self.name is not None:
            return self.name
        return self.joined_outputs

    @property
    def loss_name(self) -> str:
        """A short name of the loss."""
        return loss_name(self.loss)

    @property
    def acting_reduction(self) -> str | None:
        """How the values become one number, as the term says or else the loss."""
        return self.reduction or getattr(self.loss, "reduction", None)

    @property
    def may_have_parts(self) -> bool:
        """Whether the loss may return a dict of parts; those of Keras return a tensor."""
        return not is_of_keras(self.loss)

    def is_present(self, batch: Batch) -> bool:
        """Whether the data has the labels of this term."""
        return all(key in batch.labels for key in self.label_keys)

    def tensors(self, batch: Batch, name: str) -> TermTensors:
        """What this term sees of a batch.

        Args:
            batch: inputs, outputs, labels and sample weights by name.
            name: the name of the term in its sum.
        """
        y_pred, y_true = batch.output(self, name), batch.label(self, name)
        return TermTensors(y_true, y_pred, batch.sample_weight(self, name))

    def evaluated(self, tensors: TermTensors, name: str) -> Evaluated:
        """The values of the loss, with the weights of their samples and classes.

        Args:
            tensors: what the term sees of a batch.
            name: the name of the term in its sum.
        """
        where = f"WeightedSumLoss: term {name!r}"
        y_true, y_pred, weights = tensors
        has_option = self.mask is not None or self.class_weight is not None
        sums_entries = self.acting_reduction == "sum_over_axes"
        by_entry = has_option or sums_entries or weighs_entries(weights, y_pred)
        found = evaluate(
            where, self.loss, y_true, y_pred, mask=self.mask, picks_entries=by_entry
        ).weighed_by(weights)
        if self.class_weight is None:
            return found
        by_class = class_weights(where, found.label, found.values, self.class_weight)
        return found.weighed_by(by_class)

    def value(
        self,
        labels: dict[Key, Any],
        outputs: dict[Key, Any],
        sample_weight: Any = None,
        *,
        name: str | None = None,
    ) -> Any:
        """The unweighted loss, a float32 scalar.

        Args:
            labels: tensors by name.
            outputs: tensors by name.
            sample_weight: one tensor, or `None`.
            name: what messages call this term; its default name if not given.
        """
        name = name or self.default_name
        found = self.evaluated(self.tensors(Batch(outputs, labels, sample_weight), name), name)
        found = found.with_part_weights(self.part_weights or {})
        return losses_of([found.reduced(self.acting_reduction)])[0]

    def replace(self, **arguments: Any) -> LossTerm:
        """A term like this one but for some arguments of the constructor."""
        return LossTerm(**{**self._arguments(), **arguments})

    def scaled_by(self, factor: float) -> LossTerm:
        """A term like this one with its weight multiplied by a finite number."""
        return self.replace(weight=scaled(self.weight, factor))

    def _arguments(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ARGUMENTS}

    def get_config(self) -> dict[str, Any]:
        return term_config(self._arguments())

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> LossTerm:
        return cls(**term_arguments(cls, config))

    def __repr__(self) -> str:
        weight = self.weight if isinstance(self.weight, float) else type(self.weight).__name__
        return (
            f"<LossTerm {self.default_name!r}: {weight} * {self.loss_name}"
            f"(outputs={self.outputs!r}, labels={self.labels!r})>"
        )
