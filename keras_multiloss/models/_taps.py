"""Taps put into the graphs of functional models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._checks import check_name
from keras_multiloss._container_checks import check_is_dict
from keras_multiloss._messages import described, error, unknown_name
from keras_multiloss._platform import (
    is_symbolic,
    keras,
    leaves_of,
    outputs_of_calls,
    plain_functional,
    replay,
)
from keras_multiloss.layers import Tap
from keras_multiloss.models._structure import check_functional

if TYPE_CHECKING:
    from collections.abc import Callable

WHERE = "MultiLossModel.from_model"


def with_taps(model: Any, taps: Any) -> tuple[Any, Any]:
    """The inputs of a functional model, and its outputs with taps on the way to them.

    Args:
        model: a functional model.
        taps: from the name of a tap to a layer of the model (its name, those of a nested model
            by `"encoder/block4"`) or to a tensor of its graph.
    """
    if isinstance(model, keras.Sequential):
        model = plain_functional(model)
    tensors: dict[int, str] = {}
    nested: dict[str, dict[str, Any]] = {}
    for name, place in check_is_dict(WHERE, "taps", taps).items():
        check_name(WHERE, "taps", name)
        inner, _, rest = place.partition("/") if isinstance(place, str) else ("", "", "")
        if rest and place not in _names_of_layers(model):
            nested.setdefault(inner, {})[name] = rest
        else:
            tensor = _tensor_at(model, name, place)
            if id(tensor) in tensors:
                raise _twice(name, tensors[id(tensor)])
            tensors[id(tensor)] = name
    unseen = dict(tensors)

    def after(before: Any, new: Any) -> Any:
        name = unseen.pop(id(before), None)
        return new if name is None else Tap(name)(new)

    stand_ins = {name: _nested(model, name, inner) for name, inner in nested.items()}
    inputs, outputs, _ = replay(model, lambda layer: stand_ins.get(layer.name), after=after)
    if unseen:
        raise error(
            ValueError,
            WHERE,
            f"tap {next(iter(unseen.values()))!r} is on a tensor that no output depends on",
            expected="a tensor on the way from the inputs to the outputs",
            received=f"taps={taps!r}",
        )
    return inputs, outputs


def _nested(model: Any, name: str, taps: dict[str, Any]) -> Callable[..., Any]:
    """A model nested in another one, with taps in it."""
    inner = _layer(model, next(iter(taps)), name)
    if not isinstance(inner, keras.Model):
        raise error(
            ValueError,
            WHERE,
            f"tap {next(iter(taps))!r} names a layer inside {name!r}, which is not a model",
            expected=f"the name of a layer, such as {name!r}",
            received=f"{name}/{next(iter(taps.values()))}",
        )
    check_functional(WHERE, inner)
    return keras.Model(*with_taps(inner, taps), name=inner.name)


def _names_of_layers(model: Any) -> list[str]:
    return [layer.name for layer in model.layers]


def _layer(model: Any, tap: str, name: str) -> Any:
    for layer in model.layers:
        if layer.name == name:
            return layer
    problem = f"tap {tap!r} names a layer that the model does not have"
    raise unknown_name(WHERE, problem, name, _names_of_layers(model))


def _tensor_at(model: Any, tap: str, place: Any) -> Any:
    """The tensor that a tap is on."""
    if is_symbolic(place):
        return place
    if not isinstance(place, str):
        raise error(
            TypeError,
            WHERE,
            f"tap {tap!r} is neither on a layer nor on a tensor",
            expected="the name of a layer, or a tensor of the graph",
            received=described(place),
        )
    layer = _layer(model, tap, place)
    calls = outputs_of_calls(model, layer)
    if len(calls) != 1:
        raise error(
            ValueError,
            WHERE,
            f"tap {tap!r} is on a layer that is called several times",
            expected="a layer that is called once, or the tensor itself",
            received=f"{place!r}, called {len(calls)} times",
            hint="give the tensor, taps={'trunk': tensor}, or put kml.layers.Tap into the graph",
        )
    tensors = leaves_of(calls[0])
    if len(tensors) != 1:
        raise error(
            ValueError,
            WHERE,
            f"tap {tap!r} is on a layer with several outputs",
            expected="a layer with one output, or the tensor itself",
            received=f"{place!r} with {len(tensors)} outputs",
            hint="give one of them, taps={'trunk': tensor}",
        )
    return tensors[0]


def _twice(name: str, other: str) -> ValueError:
    return error(
        ValueError,
        WHERE,
        f"taps {other!r} and {name!r} are on the same tensor",
        expected="one tap for a tensor",
        received=f"{[other, name]}",
        hint="several terms may name one tap",
    )
