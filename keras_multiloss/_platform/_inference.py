"""Functions of a model's variables, traced once where the backend traces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._platform._keras import backend, keras
from keras_multiloss._platform._layer_variables import value_of
from keras_multiloss._platform._linear_algebra import compiled_function

if TYPE_CHECKING:
    from collections.abc import Callable


def compiled_inference(model: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of tensors that calls a model, with what the variables hold when it is called."""
    if backend() != "jax":
        return compiled_function(function)

    def of_variables(values: Any, *args: Any) -> Any:
        mapping = list(zip(model.variables, values, strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            return function(*args)

    compiled = compiled_function(of_variables)
    return lambda *args: compiled([value_of(v) for v in model.variables], *args)
