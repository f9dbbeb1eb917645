"""Inputs, outputs, labels and sample weights of one step, each by name."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from keras_multiloss._messages import error, suggestion, unknown_name
from keras_multiloss.evaluation import to_tensor
from keras_multiloss.spec._by_name import Key, by_name, names_of
from keras_multiloss.spec._joined import JoinedTensors, joined_in
from keras_multiloss.spec._tensor_sources import FromInput, FromOutput, without_gradient

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from keras_multiloss.spec._loss_term import LossTerm
    from keras_multiloss.spec._metric_term import MetricTerm
    from keras_multiloss.spec._named_tensors import NamedTensors
    from keras_multiloss.spec._weighted_sum_loss import WeightedSumLoss

WHERE = "WeightedSumLoss"


@dataclass(frozen=True)
class Batch:
    """What a model and its data give in one step, for terms, metrics and callbacks.

    Args:
        outputs: the outputs by name.
        labels: the labels by name.
        sample_weights: one tensor for every term, a dict by name, or `None`.
        inputs: the inputs by name.
        taps: which of the outputs are hidden tensors that prediction does not return.
        joined: labels and sample weights that came as one tensor.
    """

    outputs: dict[Key, Any]
    labels: dict[Key, Any]
    sample_weights: Any = None
    inputs: dict[Key, Any] = field(default_factory=dict)
    taps: frozenset[Key] = frozenset()
    joined: tuple[JoinedTensors, ...] = ()

    @classmethod
    def of(
        cls,
        loss: WeightedSumLoss,
        y_true: Any,
        y_pred: Any,
        sample_weight: Any = None,
        *,
        x: Any = None,
        taps: dict[Key, Any] | None = None,
        output_names: Sequence[str] | None = None,
        input_names: Sequence[str] | None = None,
    ) -> Batch:
        """The batch from the structures that Keras hands over.

        Args:
            loss: the sum whose terms name them.
            y_true: labels; one tensor is taken as the only label that the terms name.
            y_pred: outputs; one tensor is taken as the only output that the terms name.
            sample_weight: one tensor, or a structure of them by name.
            x: inputs.
            taps: hidden tensors by name.
            output_names: what the entries of a list of outputs, or of labels, are called.
            input_names: what the entries of a list of inputs are called.

        Raises:
            ValueError: if a sample weight has a name that no output or term has.
        """
        batch = cls(
            outputs={**_outputs_by_name(loss.output_keys, y_pred, output_names), **(taps or {})},
            labels=_labels_by_name(loss.label_keys, y_true, output_names),
            sample_weights=_given_sample_weights(sample_weight, output_names),
            inputs=by_name(x, input_names, where=WHERE),
            taps=frozenset(taps or ()),
            joined=joined_in(y_true, sample_weight),
        )
        batch._check_sample_weights(loss)
        return batch

    def output(self, term: NamedTensors, name: str) -> Any:
        """What a term sees as `y_pred`: a tensor for a name, a tuple for a list.

        Args:
            term: the term.
            name: its name in the sum.
        """
        problem = f"{term.what} {name!r} names an output that is not among the outputs"
        _check_known(problem, term.read_outputs, self.outputs, hint=_hint_of_outputs(self.outputs))
        problem = f"{term.what} {name!r} names an input that is not among the inputs"
        _check_known(problem, term.input_keys, self.inputs, hint=_HINT_OF_INPUTS)
        return self.tensor(term.outputs, self.outputs)

    def label(self, term: NamedTensors, name: str) -> Any:
        """What a term sees as `y_true`; `None` for a term without labels."""
        self.check_has_labels(term, name)
        return self.tensor(term.labels, self.labels)

    def tensor(self, keys: Any, tensors: dict[Key, Any]) -> Any:
        """The tensors of the keys: a tensor for a name, a tuple for a list, `None` for none."""
        if keys is None:
            return None
        if isinstance(keys, list):
            return tuple(self.tensor(key, tensors) for key in keys)
        if isinstance(keys, FromInput):
            return to_tensor(self.inputs[keys.name])
        if isinstance(keys, FromOutput):
            output = to_tensor(self.outputs[keys.name])
            return without_gradient(output) if keys.stop_gradient else output
        return to_tensor(tensors[keys])

    def sample_weight(self, term: LossTerm | MetricTerm, name: str) -> Any:
        """The sample weight of a term, or `None`."""
        weights = self.sample_weights
        if not isinstance(weights, dict):
            return weights
        if term.sample_weight is None:
            keys = [*term.output_keys, name] if len(term.output_keys) == 1 else [name]
            return next((weights[key] for key in keys if key in weights), None)
        if term.sample_weight not in weights:
            raise unknown_name(
                WHERE,
                f"{term.what} {name!r} names a sample weight that is not in the data",
                term.sample_weight,
                names_of(weights),
            )
        return weights[term.sample_weight]

    def without_gradient(self, keys: Iterable[Key], condition: Any = True) -> Batch:
        """The batch with outputs that carry no gradient where a condition holds.

        A loss that is not finite has gradients that are not finite, and 0 times them is NaN.
        """
        outputs = dict(self.outputs)
        for key in keys if condition is not False else ():
            if key in outputs:
                outputs[key] = without_gradient(to_tensor(outputs[key]), condition)
        return replace(self, outputs=outputs)

    def check_not_misspelt(self, term: LossTerm, name: str, known: list[Key]) -> None:
        """Raise if the data has a label whose name is much like that of a skipped term's label.

        Args:
            term: a term whose label is absent.
            name: its name in the sum.
            known: the labels that some term names.
        """
        unused = [key for key in names_of(self.labels) if key not in known]
        for key in term.label_keys:
            hint = suggestion(key, unused, cutoff=0.8)
            if key not in self.labels and hint is not None:
                raise error(
                    ValueError,
                    WHERE,
                    f"term {name!r} would be skipped, as its label is not in the data",
                    expected=f"the label {key!r}, or only labels that some term names",
                    received=f"{unused}",
                    hint=f"{hint} If not, drop that label from the data.",
                )

    def check_labels(self, loss: WeightedSumLoss) -> None:
        """Raise if a term needs a label that is not in the data."""
        for name, term in zip(loss.names, loss.terms, strict=True):
            if term.required or term.is_present(self):
                self.check_has_labels(term, name)
            else:
                self.check_not_misspelt(term, name, loss.label_keys)

    def check_has_labels(self, term: NamedTensors, name: str) -> None:
        if term.label_keys and not self.labels:
            raise error(
                ValueError,
                WHERE,
                f"{term.what} {name!r} needs a label, and the data has none",
                expected=f"labels by name, such as fit(x, {{{term.label_keys[0]!r}: ...}})",
                received="no labels",
                hint="a term whose loss needs no label says so: LossTerm(..., labels=None)",
            )
        problem = f"{term.what} {name!r} names a label that is not in the data"
        hint = _hint_of_labels(term, self.labels)
        _check_known(problem, term.label_keys, self.labels, hint=hint)

    def _check_sample_weights(self, loss: WeightedSumLoss) -> None:
        """Raise if a sample weight has a name that no output or term has."""
        if not isinstance(self.sample_weights, dict):
            return
        own = [term.sample_weight for term in loss.terms if term.sample_weight is not None]
        known = list(dict.fromkeys([*names_of(self.outputs), *loss.names, *own]))
        for key in self.sample_weights:
            if key not in known and key not in self.outputs:
                problem = "a sample weight belongs to no output or term"
                raise unknown_name(WHERE, problem, key, known)


def _outputs_by_name(keys: list[Key], y_pred: Any, names: Sequence[str] | None) -> dict[Key, Any]:
    """The outputs by name; one tensor is taken as the only output that the terms name."""
    if names is not None or not _is_one_tensor(y_pred):
        return by_name(y_pred, names, where=WHERE)
    if len(keys) > 1:
        raise error(
            ValueError,
            WHERE,
            "it was given one output, and its terms name several",
            expected=f"outputs {keys} by name",
            received="one tensor",
            hint="`keras.Model.compile` shows a loss one output at a time: use "
            "`MultiLossModel.from_model(model)`",
        )
    return {keys[0]: y_pred}


def _labels_by_name(keys: list[Key], y_true: Any, names: Sequence[str] | None) -> dict[Key, Any]:
    """The labels by name; one tensor is taken as the only label that the terms name."""
    if not _is_one_tensor(y_true) or not keys:
        return by_name(y_true, names, where=WHERE)
    if len(keys) == 1:
        return {keys[0]: y_true}
    if names is not None and len(names) == 1:
        return by_name(y_true, names, where=WHERE)
    raise error(
        ValueError,
        WHERE,
        "the labels are one tensor and the terms name several",
        expected=f"a dict with the labels {keys}",
        received=f"one tensor of shape {tuple(y_true.shape)}",
    )


def _given_sample_weights(sample_weight: Any, names: Sequence[str] | None) -> Any:
    """One sample weight, or a dict by name; those in a list are of the outputs, in their order."""
    if sample_weight is None or _is_one_tensor(sample_weight):
        return sample_weight
    if isinstance(sample_weight, dict) or names is None:
        return by_name(sample_weight, where=WHERE)
    if len(sample_weight) != len(names):
        raise error(
            ValueError,
            WHERE,
            "the list of sample weights does not have one for each output",
            expected=f"{len(names)} entries, in the order of the outputs {list(names)}",
            received=f"{len(sample_weight)} entries",
            hint=f"a dict says which is which: {{{names[0]!r}: ...}}",
        )
    return by_name(dict(zip(names, sample_weight, strict=True)), where=WHERE)


def _is_one_tensor(structure: Any) -> bool:
    return structure is not None and not isinstance(structure, (dict, list, tuple))


def _check_known(
    problem: str, keys: list[Key], tensors: dict[Key, Any], *, hint: str | None
) -> None:
    for key in keys:
        if key not in tensors:
            raise unknown_name(WHERE, problem, key, names_of(tensors), hint=hint)


_HINT_OF_INPUTS = (
    "a model gives the loss its inputs; elsewhere pass them by name, `loss(y_true, y_pred, x=...)` "
    "or `layer(outputs, labels=..., inputs=...)`"
)


def _hint_of_outputs(outputs: dict[Key, Any]) -> str:
    """What to do where outputs came as a list, which has no names."""
    if not _has_no_names(outputs):
        return (
            "a tap is seen in `fit` and `evaluate` of a MultiLossModel only; a `train_step` of "
            "your own has to call `super().train_step`"
        )
    return (
        "a list has positions, not names: let the model return a dict (`MultiLossModel` also knows "
        "the names of a functional model), or give the term a position, `outputs=0`"
    )


def _hint_of_labels(term: NamedTensors, labels: dict[Key, Any]) -> str | None:
    """What to do where a label is not found."""
    if _has_no_names(labels):
        return "a list has positions, not names: give the labels as a dict"
    if not isinstance(term.outputs, list) or term.labels != term.outputs:
        return None
    return (
        "by default, labels have the names of the outputs: give the term `labels='...'`, or "
        "`labels=None` if its loss needs none"
    )


def _has_no_names(tensors: dict[Key, Any]) -> bool:
    return bool(tensors) and not any(isinstance(key, str) for key in tensors)
