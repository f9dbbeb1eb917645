"""The graphs of functional models: traced, replayed without some layers, extended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._platform._keras import (
    KERAS_3,
    in_structure_of,
    is_symbolic,
    keras,
    leaves_of,
    tensorflow,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def symbols_like(structure: Any, *, batch_size: int | None = None) -> Any:
    """Symbolic tensors of the same shapes, outside any graph; of a given batch size.

    Other unknown axes get that size, too: they may be the batch again, as of similarities.
    """

    def symbol(x: Any) -> Any:
        rest = (batch_size if size is None else size for size in x.shape[1:])
        shape = x.shape if batch_size is None else (batch_size, *rest)
        return keras.KerasTensor(shape, dtype=x.dtype)

    return keras.tree.map_structure(lambda x: symbol(x) if is_symbolic(x) else x, structure)


def set_state_layer(model: Any, name: str, layer: Any) -> None:
    """Set a sublayer of a model that is already built, in place of the one before it.

    Keras tracks the sublayers of a functional model when it is made; it keeps those that
    were replaced later (3.15) or misses those that were added later (3.7).
    """
    old = getattr(model, name, None)
    setattr(model, name, layer)
    if KERAS_3:
        kept = [x for x in model._layers if x is not old and x is not layer]
        model._layers = kept if layer is None else [*kept, layer]


def replay(
    model: Any,
    stand_in: Callable[[Any], Callable[..., Any] | None] = lambda layer: None,  # noqa: ARG005
    *,
    after: Callable[[Any, Any], Any] = lambda before, new: new,  # noqa: ARG005
    given: Any = None,
) -> tuple[Any, Any, set[int]]:
    """A functional model's graph, called anew with some layers replaced.

    Args:
        model: a functional model.
        stand_in: from a layer to the function of its arguments that takes its place; `None` for
            a layer that is kept.
        after: from a tensor of the graph and the new tensor in its place to what the layers
            behind it get.
        given: what stands in place of the inputs, in their structure; by default the inputs.

    Returns:
        The inputs and the outputs, each in the structure of the model's own, and the `id`
        of the inputs that the outputs depend on.
    """
    sources = _Sources()

    def with_source(new: Any, source: Any) -> Any:
        sources.add(new, source)
        return new

    # Some versions refuse to make a model while label inputs are left unused.
    plain = plain_functional(model) if KERAS_3 else model
    starts = zip(plain.inputs, leaves_of(model.input if given is None else given), strict=True)
    tensors = {id(old): with_source(after(old, new), new) for old, new in starts}
    for node in _nodes_in_order(plain):
        layer, args, kwargs = _called(node, tensors)
        replacement = stand_in(layer)
        found = (layer if replacement is None else replacement)(*args, **kwargs)
        sources.add(found, (args, kwargs) if replacement is None else args[0])
        for old, new in zip(leaves_of(node.outputs), leaves_of(found), strict=True):
            tensors[id(old)] = with_source(after(old, new), new)
    new_outputs = [tensors[id(tensor)] for tensor in leaves_of(plain.output)]
    outputs = in_structure_of(plain.output, new_outputs)
    return model.input, outputs, sources.of(outputs)


def layers_within(model: Any) -> Iterator[Any]:
    """The layers of a model and of the models inside it."""
    for layer in model.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from layers_within(layer)


def plain_functional(model: Any) -> Any:
    """A plain, uncompiled model over the graph of a functional or sequential one."""
    if isinstance(model, keras.Sequential):
        return keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    return keras.Model(model.input, model.output, name=model.name)


def outputs_of_calls(model: Any, layer: Any) -> list[Any]:
    """What each call of a layer gives in the graph of a model."""
    nodes = [node for level in model._nodes_by_depth.values() for node in level]
    return [node.outputs for node in nodes if _layer_of(node) is layer]


def _layer_of(node: Any) -> Any:
    return node.operation if KERAS_3 else node.layer


def _nodes_in_order(model: Any) -> Iterator[Any]:
    """The calls in the graph of a model, each behind those that it depends on."""
    for depth in sorted(model._nodes_by_depth, reverse=True):
        yield from (node for node in model._nodes_by_depth[depth] if not node.is_input)


def _called(node: Any, tensors: dict[int, Any]) -> tuple[Any, Any, Any]:
    """The layer of a call and its arguments, with other tensors."""
    if KERAS_3:
        return _layer_of(node), *node.arguments.fill_in(tensors)
    given = (node.call_args, node.call_kwargs)
    changed = tensorflow().nest.map_structure(lambda t: tensors.get(id(t), t), given)
    return _layer_of(node), *changed


class _Sources:
    """Which inputs of a graph each of its tensors comes from."""

    def __init__(self) -> None:
        self._inputs_of: dict[int, set[int]] = {}
        self._kept: list[Any] = []  # an id is that of a living object only

    def add(self, outputs: Any, arguments: Any) -> None:
        given = {id(tensor) for tensor in leaves_of(arguments)}
        sources = self.of(arguments)
        for tensor in leaves_of(outputs):
            if id(tensor) not in given:  # which a stand-in may return as they are
                self._inputs_of[id(tensor)] = sources
                self._kept.append(tensor)

    def of(self, structure: Any) -> set[int]:
        tensors = [x for x in leaves_of(structure) if is_symbolic(x)]
        return set().union(*(self._inputs_of.get(id(x), {id(x)}) for x in tensors))
