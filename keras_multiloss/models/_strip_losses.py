"""From a training model back to a prediction model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._messages import error
from keras_multiloss._platform import KERAS_3, keras, replay
from keras_multiloss.layers import GradientBalancer, WeightedSumLossLayer
from keras_multiloss.layers._tap import TapLayer, tap_layers_of
from keras_multiloss.models._multi_loss_mixin import MultiLossMixin
from keras_multiloss.models._structure import (
    check_functional,
    symbolic_input,
    symbolic_output,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def strip_losses(model: Any) -> Any:
    """A prediction model: plain Keras, without losses, label inputs or this library.

    It shares its layers, and so its weights, with `model`; it is not compiled. Its file
    loads where this library is not installed.

    Args:
        model: a functional model: one of `attach_losses`, one with `WeightedSumLossLayer` or
            `GradientBalancer` anywhere in its graph, or a `MultiLossModel`; one that is nested
            in it is stripped as well.

    Raises:
        TypeError: if the model is not functional.
        ValueError: if a model nested inside it holds such a layer.

    Example:
        >>> import keras
        >>> import keras_multiloss as kml
        >>> x = keras.Input((3,), name="x")
        >>> model = kml.MultiLossModel(x, {"age": keras.layers.Dense(1)(x)})
        >>> type(kml.strip_losses(model)) is type(keras.Model(x, x))
        True
    """
    check_functional("strip_losses", model)
    for layer in model.layers:
        if isinstance(layer, keras.Model) and any(map(_is_not_stripped, layer.layers)):
            raise error(
                ValueError,
                "strip_losses",
                "a layer of this library lies inside a nested model",
                expected="losses and balancers in the graph of the model itself",
                received=f"one in the nested model {layer.name!r}",
                hint="strip the nested model, and build the outer one from the result",
            )
    inputs, outputs = symbolic_input(model), symbolic_output(model)
    stand_ins = {id(layer): _stand_in(layer) for layer in model.layers}
    if any(stand_ins.values()):
        inputs, outputs, used = replay(model, lambda layer: stand_ins.get(id(layer)))
        inputs = _chosen(inputs, used)
    stripped = keras.Model(inputs, outputs, name=model.name)
    if KERAS_3:
        stripped(inputs)  # Keras exports to ONNX only what was called
    return stripped


def _stand_in(layer: Any) -> Callable[..., Any] | None:
    """What takes the place of a layer that only training needs."""
    if isinstance(layer, (WeightedSumLossLayer, TapLayer)):
        return lambda outputs, *_, **__: outputs
    if isinstance(layer, MultiLossMixin) or _has_taps(layer):
        return strip_losses(layer)
    return layer.without_balance if isinstance(layer, GradientBalancer) else None


def _has_taps(layer: Any) -> bool:
    return isinstance(layer, keras.Model) and bool(tap_layers_of(layer))


def _is_not_stripped(layer: Any) -> bool:
    """Whether a layer of a nested model would stay there; taps would not."""
    return isinstance(layer, (WeightedSumLossLayer, GradientBalancer, MultiLossMixin))


def _chosen(inputs: Any, ids: set[int]) -> Any:
    """Some tensors of a tensor, list or dict; a single one without its dict or list."""
    if isinstance(inputs, dict):
        named = {name: tensor for name, tensor in inputs.items() if id(tensor) in ids}
        return named if len(named) > 1 else next(iter(named.values()))
    entries = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    kept = [tensor for tensor in entries if id(tensor) in ids]
    return kept if len(kept) > 1 else kept[0]
