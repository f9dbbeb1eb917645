"""`Tap`: a hidden tensor that terms may name and that prediction does not return."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

from keras_multiloss._checks import check_config, check_name
from keras_multiloss._messages import error
from keras_multiloss._platform import keras, layers_within
from keras_multiloss._saving import serializable

if TYPE_CHECKING:
    from collections.abc import Iterator

    Layer: Any = keras.layers.Layer
else:
    Layer = keras.layers.Layer

#: What the taps of a thread have seen in the call that is recorded; `tf.distribute` has a thread
#: for each replica.
_IN_THREAD: Any = threading.local()


@contextlib.contextmanager
def recorded_taps() -> Iterator[dict[str, Any]]:
    """A dict that gets what the taps see, by name, while this context is open."""
    seen: dict[str, Any] = {}
    before = getattr(_IN_THREAD, "seen", None)
    _IN_THREAD.seen = seen
    try:
        yield seen
    finally:
        _IN_THREAD.seen = before


def are_recorded() -> bool:
    """Whether somebody wants to know what taps see."""
    return getattr(_IN_THREAD, "seen", None) is not None


def record(name: str, tensor: Any) -> None:
    """Leave what a tap sees for the loss of the same step."""
    if not are_recorded():
        return
    if name in _IN_THREAD.seen:
        raise error(
            ValueError,
            f"Tap {name!r}",
            "it has two tensors in one call of the model",
            expected="a tap on a layer that is called once, and another name for each tap",
            received=f"a second tensor of shape {tuple(tensor.shape)}",
            hint="for a layer that is called several times, give `taps` the tensor",
        )
    _IN_THREAD.seen[name] = tensor


class TapLayer(Layer):
    """A layer that returns its first argument, and leaves tensors for the terms of a loss."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def tapped_tensors(self) -> dict[str, Any]:
        """The symbolic tensors that it leaves, by name; empty outside a functional model."""
        raise NotImplementedError


@serializable
class Tap(TapLayer):
    """An identity layer, whose tensor terms and metrics may name like an output.

    `MultiLossModel.from_model(model, taps={"trunk": "dense_3"})` puts it into the graph of a
    model; in a model that you write yourself, put it where the tensor is:
    `h = kml.layers.Tap("trunk")(h)`. `predict`, `export` and the stripped model do not have the
    tensor; in `fit` and `evaluate` of a `MultiLossModel`, terms name it.

    Args:
        tap: the name that terms use.
        name: name of the layer; by default `tap_` and the name of the tap.
        **kwargs: as for every Keras layer.

    Shape:
        - input: any tensor.
        - result: the same tensor.

    Example:
        >>> import keras
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> x = keras.Input((2,), name="x")
        >>> h = kml.layers.Tap("trunk")(keras.layers.Dense(2, kernel_initializer="ones")(x))
        >>> y = keras.layers.Dense(1, kernel_initializer="ones", name="y")(h)
        >>> model = kml.MultiLossModel(x, {"y": y})
        >>> model.compile("sgd", loss=kml.LossTerm("mae", "trunk", labels=None, name="activity"))
        >>> model.evaluate(np.ones((4, 2)), verbose=0, return_dict=True)["activity_loss"]
        2.0
        >>> sorted(model.predict(np.ones((4, 2)), verbose=0))
        ['y']
    """

    def __init__(self, tap: str, *, name: str | None = None, **kwargs: Any) -> None:
        check_name("Tap", "tap", tap)
        super().__init__(name=name or "tap_" + tap.replace("/", "_"), **kwargs)
        self.tap = tap

    def call(self, inputs: Any) -> Any:
        record(self.tap, inputs)
        return inputs

    def tapped_tensors(self) -> dict[str, Any]:
        """The symbolic tensor by its name; empty outside a functional model."""
        tensor = _symbolic_output_of(self)
        return {} if tensor is None else {self.tap: tensor}

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "tap": self.tap}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Tap:
        return cls(**check_config(cls, config, [*config], required=("tap",)))


def tap_layers_of(model: Any) -> list[TapLayer]:
    """The taps of a model, those of models inside it as well."""
    return [layer for layer in layers_within(model) if isinstance(layer, TapLayer)]


def _symbolic_output_of(layer: Any) -> Any:
    """The symbolic output of a layer that is called once in a graph; else `None`."""
    try:
        return layer.output
    except (AttributeError, ValueError):
        return None
