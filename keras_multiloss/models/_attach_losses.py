"""From a prediction model to a training model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._messages import error, unknown_name
from keras_multiloss._platform import HAS_OPTIONAL_INPUTS, is_symbolic, keras
from keras_multiloss.layers import WeightedSumLossLayer
from keras_multiloss.models._label_inputs import label_spec
from keras_multiloss.models._structure import (
    by_input_name,
    check_functional,
    check_tensors_exist,
    named_inputs,
    output_names,
    symbolic_output,
    symbolic_taps,
)
from keras_multiloss.spec import Key, as_weighted_sum, label_input_name, sample_weight_input_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from keras_multiloss.spec import MetricTerm, WeightedSumLoss


def attach_losses(
    model: Any,
    loss: Any,
    labels: dict[Key, Any] | None = None,
    *,
    sample_weight: bool | Iterable[str] = False,
    metrics: Sequence[MetricTerm] = (),
) -> Any:
    """A training model: the prediction model with inputs for labels and a loss inside.

    Its inputs are a dict: those of `model` by name, and `<label>_label` for each label. On
    Keras 3 the label inputs are optional, and the model predicts with `None` for them. It
    shares all layers with `model`. Compile it with an optimizer only, and feed it with
    `kml.data.labels_to_inputs`.

    Args:
        model: a functional prediction model.
        loss: a `WeightedSumLoss` or a `LossTerm`.
        labels: for labels whose shape or dtype does not follow from the loss and the
            output: a dict from label name to a `keras.Input`, or to its arguments such as
            `{"shape": (), "dtype": "int32"}`. By default a label has the shape of its
            output and is float32, and the label of a sparse loss has no class axis and is
            int32.
        sample_weight: true for one input `sample_weight` that serves every term, or names
            of outputs or terms for inputs `<name>_sample_weight`.
        metrics: `MetricTerm` objects; see `WeightedSumLossLayer`.

    Returns:
        A `keras.Model` whose outputs have the structure of those of `model`.

    Raises:
        ValueError: if a name matches nothing, or the shape of a label is not known.
        TypeError: if the model is not functional, or `loss` is neither a sum nor a term.

    Example:
        >>> import keras
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> x = keras.Input((3,), name="x")
        >>> model = keras.Model(x, {"age": keras.layers.Dense(1)(x)})
        >>> training_model = kml.attach_losses(model, kml.LossTerm("mse", "age"))
        >>> sorted(tensor.name for tensor in training_model.inputs)
        ['age_label', 'x']
        >>> training_model.compile("sgd")
        >>> data = {"x": np.ones((4, 3)), "age_label": np.ones((4, 1))}
        >>> history = training_model.fit(data, verbose=0)
        >>> [tensor.name for tensor in kml.strip_losses(training_model).inputs]
        ['x']
    """
    check_functional("attach_losses", model)
    spec = as_weighted_sum("attach_losses", loss)
    names = output_names(model)
    check_tensors_exist("attach_losses", spec.tasks.terms, model)
    _check_reads_no_tap(spec, model)
    check_tensors_exist("attach_losses", {term.log_name: term for term in metrics}, model)
    label_inputs = _label_inputs(spec, model, dict(labels or {}), metrics)
    weight_inputs = _weight_inputs(sample_weight)
    inputs = named_inputs(model)
    of_metrics = [key for term in metrics for key in term.input_keys]
    read = {key: by_input_name(model)[key] for key in [*spec.input_keys, *of_metrics]}
    for tensor in [*label_inputs.values(), *_inputs_by_name(weight_inputs).values()]:
        if tensor.name in inputs:
            raise error(
                ValueError,
                "attach_losses",
                "an input of the model has the name of a label input",
                expected="a different name for each input",
                received=repr(tensor.name),
                hint="rename the input of the model, or give `labels` a keras.Input",
            )
        inputs[tensor.name] = tensor
    layer = WeightedSumLossLayer(spec, output_names=names, metrics=metrics, name=spec.name)
    outputs = layer(
        symbolic_output(model),
        labels=label_inputs or None,
        sample_weight=weight_inputs,
        inputs=read or None,
    )
    return keras.Model(inputs, outputs, name=model.name)


def _check_reads_no_tap(spec: WeightedSumLoss, model: Any) -> None:
    """Raise if a term names a hidden tensor, which the layer does not see."""
    taps = symbolic_taps("attach_losses", model)
    for name, term in spec.tasks.terms.items():
        for key in term.read_outputs:
            if key in taps:
                raise error(
                    ValueError,
                    "attach_losses",
                    f"term {name!r} names a tap",
                    expected="outputs of the model",
                    received=repr(key),
                    hint="MultiLossModel.compile(loss=...) sees taps; WeightedSumLossLayer takes "
                    "any tensor of the graph among its `outputs`",
                )


def _label_inputs(
    spec: Any, model: Any, given: dict[Key, Any], metrics: Sequence[MetricTerm]
) -> dict[str, Any]:
    """An input for each label of the sum and of the metrics, by the name of the label."""
    of_metrics = [key for term in metrics for key in term.label_keys]
    keys = list(dict.fromkeys([*spec.label_keys, *of_metrics]))
    for key in given:
        if key not in keys:
            raise unknown_name(
                "attach_losses", "`labels` names a label that no term has", key, keys
            )
    inputs = {}
    for key in keys:
        label = given.get(key)
        if not is_symbolic(label):
            arguments = label_spec(spec, model, key) if label is None else dict(label)
            label = _optional_input(label_input_name(key), **arguments)
        inputs[key] = label
    return inputs


def _weight_inputs(sample_weight: bool | Iterable[str]) -> Any:
    if sample_weight is False:
        return None
    if sample_weight is True:
        return _optional_input(sample_weight_input_name(), shape=())
    names = [sample_weight] if isinstance(sample_weight, str) else list(sample_weight)
    return {n: _optional_input(sample_weight_input_name(n), shape=()) for n in names}


def _inputs_by_name(inputs: Any) -> dict[str, Any]:
    if inputs is None:
        return {}
    return inputs if isinstance(inputs, dict) else {"": inputs}


def _optional_input(name: str, /, **arguments: Any) -> Any:
    if HAS_OPTIONAL_INPUTS:
        arguments = {"optional": True, **arguments}
    return keras.Input(**{"name": name, **arguments})
