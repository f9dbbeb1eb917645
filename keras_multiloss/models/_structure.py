"""The names of a model's inputs and outputs, and models made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from keras_multiloss._messages import error, unknown_name
from keras_multiloss._platform import is_from_other_keras, keras
from keras_multiloss._saving import other_keras_error
from keras_multiloss.layers._tap import tap_layers_of
from keras_multiloss.losses import JointLoss
from keras_multiloss.spec import Key, LossTerm, WeightedSumLoss, by_name, names_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keras_multiloss.spec import NamedTensors


class TensorNames(NamedTuple):
    """What the inputs and the outputs of a model are called, in their order.

    Args:
        inputs: names; `None` where only a call can tell.
        outputs: names; `None` where only a call can tell.
    """

    inputs: list[str] | None
    outputs: list[str] | None

    @classmethod
    def of(cls, model: Any) -> TensorNames:
        """Those of a model."""
        return cls(input_names(model), output_names(model))


def is_functional(model: Any) -> bool:
    """Whether the model is a graph with symbolic inputs and outputs."""
    return bool(getattr(model, "inputs", None)) and bool(getattr(model, "outputs", None))


def check_functional(where: str, model: Any) -> None:
    """Raise unless `model` is a functional (or a built sequential) model of this Keras."""
    if is_from_other_keras(model):
        raise other_keras_error(where, "model", model)
    if not isinstance(model, keras.Model) or not is_functional(model):
        raise error(
            TypeError,
            where,
            "`model` is not built, so that its outputs are not known"
            if isinstance(model, keras.Sequential)
            else "`model` is not a functional model",
            expected="a model with symbolic inputs and outputs, keras.Model(inputs, outputs)",
            received=f"{model!r} of type {type(model).__name__}",
            hint="give it the shape of its inputs: begin with `keras.Input((3,))`, or call "
            "`model.build((None, 3))`"
            if isinstance(model, keras.Sequential)
            else "a subclassed model takes a WeightedSumLoss with the mixin "
            "`kml.models.MultiLossMixin`",
        )


def symbolic_input(model: Any) -> Any:
    """The symbolic inputs of a functional or sequential model, in their structure."""
    return model.inputs[0] if isinstance(model, keras.Sequential) else model.input


def symbolic_output(model: Any) -> Any:
    """The symbolic outputs of a functional or sequential model, in their structure."""
    return model.outputs[0] if isinstance(model, keras.Sequential) else model.output


def input_names(model: Any) -> list[str] | None:
    """The names of the inputs in their order; `None` where only a call can tell."""
    return [tensor.name for tensor in model.inputs] if is_functional(model) else None


def by_input_name(model: Any) -> dict[Key, Any]:
    """The symbolic inputs of a functional model by name and, where they are a list, by position."""
    return by_name(symbolic_input(model), input_names(model))


def output_names(model: Any) -> list[str] | None:
    """The names of the outputs in their order; `None` where only a call can tell.

    For a dict these are its (joined) keys, else the names of the layers that make them.
    """
    if not is_functional(model):
        return None
    if isinstance(symbolic_output(model), dict):
        return [str(key) for key in by_name(symbolic_output(model))]
    names = (
        [model.layers[-1].name] if isinstance(model, keras.Sequential) else list(model.output_names)
    )
    return names if len(set(names)) == len(names) else None


def check_tensors_exist(where: str, terms: Mapping[str, NamedTensors], model: Any) -> None:
    """Raise if a term or a metric names a tensor that a functional model does not have."""
    if not is_functional(model):
        return
    names = output_names(model)
    outputs = by_name(symbolic_output(model), names, where=where)
    taps = symbolic_taps(where, model)
    known, inputs = {**outputs, **taps}, by_input_name(model)
    for name, term in terms.items():
        for key in term.read_outputs:
            if key not in known:
                problem = f"{term.what} {name!r} names an output that the model does not have"
                listed = [*(names or outputs), *taps]
                raise unknown_name(where, problem, key, listed, hint=_hint(model))
        for key in term.input_keys:
            if key not in inputs:
                problem = f"{term.what} {name!r} names an input that the model does not have"
                raise unknown_name(where, problem, key, names_of(inputs))


def symbolic_taps(where: str, model: Any) -> dict[Key, Any]:
    """The symbolic tensors of the taps of a functional model by name; raises for a name twice."""
    if not is_functional(model):
        return {}
    outputs = by_name(symbolic_output(model), output_names(model), where=where)
    taps: dict[Key, Any] = {}
    for layer in tap_layers_of(model):
        for name, tensor in layer.tapped_tensors().items():
            if name in taps or name in outputs:
                raise error(
                    ValueError,
                    where,
                    "two hidden tensors, or one and an output, have the same name",
                    expected="a different name for each tap and each output",
                    received=f"{name!r} twice",
                )
            taps[name] = tensor
    return taps


def _hint(model: Any) -> str | None:
    """What to do where outputs have no names of their own."""
    layers = list(getattr(model, "output_names", []))
    twice = next((name for name in layers if layers.count(name) > 1), None)
    if twice is None or isinstance(symbolic_output(model), dict):
        return None
    return (
        f"several outputs come from the layer {twice!r}: name them in a dict, "
        "MultiLossModel(inputs, {'age': ..., 'sex': ...})"
    )


def named_inputs(model: Any) -> dict[str, Any]:
    """The symbolic inputs of a functional model by name."""
    inputs = symbolic_input(model)
    if isinstance(inputs, dict):
        return dict(inputs)
    return {tensor.name: tensor for tensor in model.inputs}


def check_is_no_part(loss: Any, model: Any) -> None:
    """Raise for a part of a total loss, such as a list of terms, in place of it."""
    if isinstance(loss, JointLoss) and len(output_names(model) or []) > 1:
        hint = f"LossTerm({type(loss).__name__}(...), ['output', 'another'], labels=...)"
    elif isinstance(loss, (list, tuple)) and any(isinstance(x, LossTerm) for x in loss):
        hint = "WeightedSumLoss([...])"
    elif isinstance(loss, dict) and any(
        isinstance(x, (LossTerm, WeightedSumLoss)) for x in loss.values()
    ):
        hint = "terms name their outputs themselves: add them up, loss=term + other_term"
    else:
        return
    raise error(
        TypeError,
        "MultiLossModel.compile",
        "`loss` is not a total loss",
        expected="a WeightedSumLoss, a LossTerm, or a loss that `keras.Model.compile` takes",
        received=repr(loss),
        hint=hint,
    )


def check_is_no_h5(filepath: Any) -> None:
    """Raise for a file of the old format, which Keras 3 reads without the total loss."""
    if str(filepath).endswith((".h5", ".hdf5")):
        raise error(
            ValueError,
            "MultiLossModel.save",
            "an HDF5 file cannot hold the total loss",
            expected="a file that ends in '.keras'",
            received=repr(str(filepath)),
            hint="model.save('model.keras'); for prediction alone, "
            "kml.strip_losses(model).save('model.h5')",
        )
