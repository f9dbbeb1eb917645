"""The graphs of functional models: traced, replayed without some layers, extended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._platform._keras import KERAS_3, is_symbolic, keras, leaves_of, tensorflow

if TYPE_CHECKING:
    from collections.abc import Callable


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


def replay_without(
    model: Any, stand_in: Callable[[Any], Callable[..., Any] | None]
) -> tuple[Any, Any, set[int]]:
    """A functional model's graph, called anew without some layers.

    Args:
        model: a functional model.
        stand_in: from a layer to the function of its first argument that takes its place;
            `None` for a layer that is kept.

    Returns:
        The inputs and the outputs, each in the structure of the model's own, and the `id`
        of the inputs that the outputs depend on.
    """
    sources = _Sources()

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        replacement = stand_in(layer)
        if replacement is not None:
            outputs = replacement(args[0])
            sources.add(outputs, args[0])
        else:
            outputs = layer(*args, **kwargs)
            sources.add(outputs, (args, kwargs))
        return outputs

    inputs, outputs = (_replay_keras_3 if KERAS_3 else _replay_keras_2)(model, call)
    return inputs, outputs, sources.of(outputs)


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


def _replay_keras_3(model: Any, call: Callable[..., Any]) -> Any:
    # `clone_model` replays publicly, but makes a model of the result, which some versions
    # refuse while label inputs are left unused.
    plain = keras.Model(model.input, model.output)
    outputs = plain._run_through_graph(plain.inputs, operation_fn=lambda layer: layer, call_fn=call)
    return model.input, outputs


def _replay_keras_2(model: Any, call: Callable[..., Any]) -> Any:
    tf = tensorflow()
    tensors = {id(t): t for t in model.inputs}
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            if node.is_input:
                continue
            args, kwargs = tf.nest.map_structure(
                lambda t: tensors.get(id(t), t), (node.call_args, node.call_kwargs)
            )
            new = call(node.layer, *args, **kwargs)
            for before, after in zip(leaves_of(node.outputs), leaves_of(new), strict=True):
                tensors[id(before)] = after
    return model.input, tf.nest.map_structure(lambda t: tensors[id(t)], model.output)
