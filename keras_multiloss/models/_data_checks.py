"""What `fit` and `evaluate` are given, checked as far as can be before Keras starts.

An error in a step comes late, from inside a traced function; and a label that is NaN makes the
loss NaN without a word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_multiloss._messages import error
from keras_multiloss._platform import ops, variables_unknown_to
from keras_multiloss.evaluation import kind_of, match, static_shape
from keras_multiloss.losses import DeepSupervisionLoss, MaskedLoss
from keras_multiloss.models._packed_labels import is_of_arrays, is_packed
from keras_multiloss.models._structure import is_functional, symbolic_output, symbolic_taps
from keras_multiloss.spec import (
    Batch,
    check_is_of_numbers,
    is_table,
    labels_of_table,
    without_tables,
)

if TYPE_CHECKING:
    from keras_multiloss.models._compiled_loss import CompiledLoss
    from keras_multiloss.spec import LossTerm

#: Packages whose losses take no NaN for a label.
PLAIN = ("keras", "tf_keras", "keras_multiloss")


def checked_arguments(
    where: str, model: Any, compiled: CompiledLoss, arguments: dict[str, Any]
) -> dict[str, Any]:
    """The arguments of `fit` or `evaluate`, with tables of pandas as arrays by name.

    Raises:
        ValueError: for labels that are missing, misspelt, of another shape than their output,
            NaN without a mask, or no numbers.
    """
    arguments, check = dict(arguments), _Check(where, model, compiled)
    x, y, sample_weight = (arguments[name] for name in ("x", "y", "sample_weight"))
    if is_packed(y) or arguments.get("_use_cached_eval_dataset"):
        return arguments  # the validation data of `fit`, which were checked there
    if y is not None or is_of_arrays(x):
        arguments["y"], arguments["sample_weight"] = check.of_arrays(y, sample_weight)
    else:
        check.of_dataset(x)
    validation = arguments.get("validation_data")
    if validation is not None:
        try:
            arguments["validation_data"] = check.of_validation(validation)
        except ValueError as e:
            raise ValueError(f"In `validation_data`: {e}") from e
    return arguments


def check_can_train(model: Any) -> None:
    """Raise for a model without an optimizer, or with that of a model of other variables."""
    if model.optimizer is None:
        raise error(
            ValueError,
            "MultiLossModel.fit",
            "the model has no optimizer to train with",
            expected="an optimizer, compile(optimizer='adam', ...)",
            received="optimizer=None",
        )
    unknown = variables_unknown_to(model.optimizer, model.trainable_variables)
    if unknown:
        cls = type(model.optimizer).__name__
        raise error(
            ValueError,
            "MultiLossModel.fit",
            "the optimizer has been built, and does not know all variables of the model",
            expected="an optimizer that is new, or that has trained these variables before",
            received=f"{cls} without slots for {[getattr(v, 'path', v.name) for v in unknown]}",
            hint="a new one begins without slots: compile(optimizer="
            f"keras.optimizers.{cls}.from_config(model.optimizer.get_config()), ...)",
        )


def check_weighs_one_label(arguments: dict[str, Any]) -> None:
    """Raise where Keras would not know to which of several labels class weights belong."""
    weights = arguments.get("class_weight")
    is_one_label = not isinstance(arguments["y"], (dict, list, tuple))
    if weights is not None and not (is_one_label and arguments["sample_weight"] is None):
        raise error(
            ValueError,
            "MultiLossModel.fit",
            "`class_weight` does not say which of the terms it weighs",
            expected="the class weights in the terms, LossTerm(..., class_weight={0: 1.0, 1: 4.0})",
            received=f"class_weight={weights!r}",
        )


class _Check:
    """The checks of the data of a model.

    Args:
        where: the name of the caller, for errors.
        model: the model.
        compiled: its total loss.
    """

    def __init__(self, where: str, model: Any, compiled: CompiledLoss) -> None:
        self.where = where
        self.loss = compiled.loss
        self.names = compiled.names.outputs
        self.metric_terms = compiled.metric_terms
        self.outputs = symbolic_output(model) if is_functional(model) else None
        self.taps = symbolic_taps(where, model)
        #: Kinds of losses with the shapes of a label and an output that fit.
        self.fitting: set[Any] = set()

    def of_arrays(self, y: Any, sample_weight: Any) -> tuple[Any, Any]:
        """Labels and sample weights as arrays; raises for what no step could take."""
        if is_table(y):
            y = labels_of_table(y, self.loss.label_keys)
        y, sample_weight = without_tables(y), without_tables(sample_weight)
        self._check_length(y)
        batch = self._checked_batch(y, sample_weight)
        for name, term in zip(self.loss.names, self.loss.terms, strict=True):
            for key in term.label_keys:
                check_is_of_numbers(self.where, f"label {key!r}", batch.labels.get(key))
            if name in self.loss.given_weights.active:
                self._check_has_no_nan(term, batch)
            if self.outputs is not None:
                self._check_shape(name, term, batch)
        return y, sample_weight

    def of_dataset(self, data: Any) -> None:
        """Raise if a `tf.data.Dataset` lacks a label; others do not tell what they hold."""
        spec = getattr(data, "element_spec", None)
        if spec is not None:
            parts = spec if isinstance(spec, tuple) else (spec,)
            self._checked_batch(*(*parts, None, None)[1:3])

    def of_validation(self, data: Any) -> Any:
        """Validation data as arrays, or as they are."""
        if isinstance(data, (tuple, list)) and len(data) in {2, 3}:
            x, *rest = data
            return (x, *self.of_arrays(*(*rest, None)[:2]))[: len(data)]
        self.of_dataset(data)
        return data

    def _checked_batch(self, y: Any, sample_weight: Any) -> Batch:
        """Labels by name, which are all there."""
        is_known = self.outputs is not None
        batch = Batch.of(
            self.loss,
            y,
            self.outputs if is_known else {},
            sample_weight if is_known else None,
            taps=self.taps,
            output_names=self.names,
        )
        batch.check_labels(self.loss)
        for metric in self.metric_terms:
            batch.check_has_labels(metric.term, metric.name)
        return batch

    def _check_length(self, y: Any) -> None:
        """Raise for a list that is not a label for each output."""
        if not isinstance(y, (list, tuple)) or self.names is None or len(y) == len(self.names):
            return
        if any(isinstance(key, str) for key in self.loss.label_keys):
            raise error(
                ValueError,
                self.where,
                "the list of labels does not have one for each output",
                expected=f"{len(self.names)} labels, in the order of the outputs {self.names}",
                received=f"{len(y)} labels",
                hint=f"a dict says which is which: {{{self.loss.label_keys[0]!r}: ...}}",
            )

    def _check_has_no_nan(self, term: LossTerm, batch: Batch) -> None:
        """Raise for missing labels of a term that has no mask for them."""
        if term.mask == "nan" or _may_take_nan(term.loss):
            return
        for key in term.label_keys:
            label = batch.labels.get(key)
            if not isinstance(label, np.ndarray) or label.dtype.kind != "f":
                continue
            missing = np.isnan(label)
            if missing.any():
                raise error(
                    ValueError,
                    self.where,
                    f"label {key!r} is NaN in places, and its term has no mask",
                    expected="numbers, or LossTerm(..., mask='nan') to leave out what is missing",
                    received=f"{missing.sum()} NaN of {missing.size} entries",
                )

    def _check_shape(self, name: str, term: LossTerm, batch: Batch) -> None:
        """Raise if the first row of a label does not fit its output."""
        kind = kind_of(term.loss)
        is_pair = isinstance(term.outputs, (str, int)) and isinstance(term.labels, (str, int))
        if not is_pair or kind in {"joint", "unknown"} or term.labels not in batch.labels:
            return
        label = batch.labels[term.labels]
        shape = static_shape(batch.outputs[term.outputs])
        if isinstance(label, np.ndarray) and label.ndim and shape and None not in shape[1:]:
            pair = (kind, label.shape[1:], shape[1:])
            if pair in self.fitting:
                return
            output = ops.zeros((1, *shape[1:]), "float32")
            where = f"WeightedSumLoss: term {name!r}, the first sample"
            match(where, kind, ops.convert_to_tensor(label[:1]), output)
            self.fitting.add(pair)


def _may_take_nan(loss: Any) -> bool:
    """Whether a loss may know what to do with a label that is NaN."""
    if isinstance(loss, DeepSupervisionLoss):
        return _may_take_nan(loss.loss)
    target = loss if hasattr(loss, "__name__") else type(loss)
    return isinstance(loss, MaskedLoss) or target.__module__.split(".")[0] not in PLAIN
