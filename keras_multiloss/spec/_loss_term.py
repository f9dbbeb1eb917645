"""`LossTerm`: one scalar, made by one loss from named outputs and labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._checks import (
    check_bool,
    check_class_weight,
    check_config,
    check_keys,
    check_mask,
    check_optional_name,
)
from keras_multiloss._messages import error
from keras_multiloss._platform import keras
from keras_multiloss._saving import (
    deserialize,
    get_loss,
    is_builtin,
    loss_name,
    serializable,
    serialize,
)
from keras_multiloss.evaluation import class_weights, evaluate, losses_of, weighs_entries
from keras_multiloss.spec._algebra import Summand
from keras_multiloss.spec._batch import Batch
from keras_multiloss.spec._by_name import Key, key_name
from keras_multiloss.spec._checked_keys import (
    SAME_AS_OUTPUTS,
    Keys,
    check_not_swapped,
    checked_outputs,
    keys_in,
)
from keras_multiloss.spec._immutable import Immutable
from keras_multiloss.weighting import check_weight, scaled

if TYPE_CHECKING:
    from keras_multiloss.evaluation import Evaluated, Mask

ARGUMENTS = (
    "loss",
    "outputs",
    "labels",
    "weight",
    "name",
    "mask",
    "sample_weight",
    "class_weight",
    "required",
)


@serializable
class LossTerm(Immutable, Summand):
    r"""One term $w \cdot \ell$ of a total loss, over outputs and labels given by name.

    Terms add up to a `WeightedSumLoss`, and a number times a term scales its weight:
    `LossTerm("mse", "age") + 0.5 * LossTerm("binary_crossentropy", "sex")`. A term cannot be
    changed after it is built.

    Args:
        loss: a Keras loss, its name, a registered function or a `JointLoss`. What cannot be
            restored from a file (a lambda, an unregistered function) is refused here.
        outputs: the name of an output, a list of names, or a position for models whose
            outputs are a list. Entries of nested dicts are joined by a slash, `"head/box"`.
            The loss gets a tensor for a name and a tuple for a list.
        labels: the same for labels; by default, labels have the names of the outputs. `None`
            for a term that needs no label: its loss gets `y_true=None`.
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
        outputs: Key | list[Key],
        labels: Keys = SAME_AS_OUTPUTS,
        *,
        weight: Any = 1.0,
        name: str | None = None,
        mask: Mask = None,
        sample_weight: str | None = None,
        class_weight: dict[int, float] | None = None,
        required: bool = True,
    ) -> None:
        self.name = check_optional_name("LossTerm", "name", name)
        self.outputs = checked_outputs(self.where, outputs)
        self.labels = (
            self.outputs if labels is SAME_AS_OUTPUTS else check_keys(self.where, "labels", labels)
        )
        check_not_swapped(self.where, loss, outputs)
        self.loss = get_loss(self.where, loss)
        self.weight = check_weight(self.where, weight)
        self.mask = check_mask(self.where, "mask", mask)
        self.sample_weight = check_optional_name(self.where, "sample_weight", sample_weight)
        self.class_weight = check_class_weight(self.where, class_weight)
        self.required = check_bool(self.where, "required", required)
        self._check_arguments_fit()
        self._close()

    def _check_arguments_fit(self) -> None:
        several = isinstance(self.outputs, list) or isinstance(self.labels, list)
        target = self.loss if not isinstance(self.loss, keras.losses.Loss) else type(self.loss)
        if is_builtin(target) and (several or self.labels is None):
            raise error(
                ValueError,
                self.where,
                "a loss of Keras takes one output and one label",
                expected="one name for `outputs` and one for `labels`",
                received=f"outputs={self.outputs!r}, labels={self.labels!r}",
                hint="one term for each output, or a JointLoss that sees them all",
            )
        if self.class_weight is not None and not isinstance(self.labels, (str, int)):
            raise error(
                ValueError,
                self.where,
                "`class_weight` needs one label",
                expected="one name for `labels`",
                received=f"labels={self.labels!r}",
            )

    @property
    def where(self) -> str:
        """How messages name this term."""
        return "LossTerm" if self.name is None else f"LossTerm {self.name!r}"

    @property
    def default_name(self) -> str:
        """The name in the log, unless another term of the sum has it too."""
        if self.name is not None:
            return self.name
        return "_".join(key_name(key, "output") for key in self.output_keys)

    @property
    def loss_name(self) -> str:
        """A short name of the loss."""
        return loss_name(self.loss)

    @property
    def reduction(self) -> str | None:
        """How the values of the loss become one number; that of the loss."""
        return getattr(self.loss, "reduction", None)

    @property
    def output_keys(self) -> list[Key]:
        """The outputs as a list, also where there is one."""
        return keys_in(self.outputs)

    @property
    def label_keys(self) -> list[Key]:
        """The labels as a list, empty where there is none."""
        return keys_in(self.labels)

    def is_present(self, batch: Batch) -> bool:
        """Whether the data has the labels of this term."""
        return all(key in batch.labels for key in self.label_keys)

    def evaluated(self, batch: Batch, name: str) -> Evaluated:
        """The values of the loss on a batch, with the weights of their samples and classes.

        Args:
            batch: outputs, labels and sample weights by name.
            name: the name of the term in its sum.
        """
        where = f"WeightedSumLoss: term {name!r}"
        y_pred, y_true = batch.output(self, name), batch.label(self, name)
        weights = batch.sample_weight(self, name)
        has_option = self.mask is not None or self.class_weight is not None
        by_entry = has_option or weighs_entries(weights, y_pred)
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
        batch = Batch(outputs, labels, sample_weight)
        found = self.evaluated(batch, name or self.default_name)
        return losses_of([found.reduced(self.reduction)])[0]

    def replace(self, **arguments: Any) -> LossTerm:
        """A term like this one but for some arguments of the constructor."""
        return LossTerm(**{**self._arguments(), **arguments})

    def scaled_by(self, factor: float) -> LossTerm:
        """A term like this one with its weight multiplied by a finite number."""
        return self.replace(weight=scaled(self.weight, factor))

    def _arguments(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ARGUMENTS}

    def get_config(self) -> dict[str, Any]:
        config = self._arguments()
        config["loss"] = serialize(self.loss)
        if callable(self.weight):
            config["weight"] = serialize(self.weight)
        if self.class_weight is not None:
            config["class_weight"] = {str(k): v for k, v in self.class_weight.items()}
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> LossTerm:
        config = check_config(cls, config, ARGUMENTS, required=ARGUMENTS)
        where = f"LossTerm {config['name']!r}" if config.get("name") else "LossTerm"
        namespaces = {"loss": keras.losses, "weight": keras.optimizers.schedules}
        for key, namespace in namespaces.items():
            if key in config:
                config[key] = deserialize(f"{where}: `{key}`", config[key], namespace)
        if isinstance(config.get("class_weight"), dict):
            config["class_weight"] = _with_class_numbers(config["class_weight"])
        return cls(**config)

    def __repr__(self) -> str:
        weight = self.weight if isinstance(self.weight, float) else type(self.weight).__name__
        return (
            f"<LossTerm {self.default_name!r}: {weight} * {self.loss_name}"
            f"(outputs={self.outputs!r}, labels={self.labels!r})>"
        )


def _with_class_numbers(class_weight: dict[Any, Any]) -> dict[Any, Any]:
    """Class weights of a file, in which all keys are strings."""
    return {
        int(key) if isinstance(key, str) and key.isdecimal() else key: weight
        for key, weight in class_weight.items()
    }
