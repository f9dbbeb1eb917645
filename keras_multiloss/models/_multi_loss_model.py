"""`MultiLossModel`: a functional model that is compiled with a total loss."""

from __future__ import annotations

from typing import Any

from keras_multiloss._platform import keras
from keras_multiloss._saving import serializable
from keras_multiloss.models._multi_loss_mixin import MultiLossMixin
from keras_multiloss.models._structure import check_functional, symbolic_input, symbolic_output
from keras_multiloss.models._taps import with_taps


@serializable
class MultiLossModel(MultiLossMixin, keras.Model):
    """A functional Keras model whose loss sees all outputs and labels, by name.

    Made as `MultiLossModel(inputs, outputs)` like any functional model, or from an existing
    one by `from_model`. After `compile(loss=WeightedSumLoss(...))`, `fit` and `evaluate`
    take ordinary `(x, y)` and `(x, y, sample_weight)` data, whatever `keras.Model` takes;
    the log has `<term>_loss` for every term. Any other loss works as in `keras.Model`.

    Args:
        *args: the symbolic inputs and outputs, as for `keras.Model`; outputs in a dict, which may
            nest (`"head/box"`), are addressed by its keys, others by the names of their layers.
        **kwargs: `name` and whatever else `keras.Model` takes.

    Raises:
        ValueError: by `compile`, if a term names an output that the model does not have; by `fit`
            and `evaluate`, if a label, a sample weight or the label of a metric is missing.
        TypeError: by `compile`, for a part of a total loss in place of it, or an `aggregator`
            without a total loss.

    Example:
        >>> import keras
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> x = keras.Input((3,), name="x")
        >>> age = keras.layers.Dense(1, kernel_initializer="zeros")(x)
        >>> height = keras.layers.Dense(1, kernel_initializer="zeros")(x)
        >>> model = kml.MultiLossModel(x, {"age": age, "height": height})
        >>> loss = kml.LossTerm("mse", "age") + 0.5 * kml.LossTerm("mae", "height")
        >>> model.compile("sgd", loss=loss)
        >>> labels = {"age": np.ones((4, 1)), "height": np.full((4, 1), 2.0)}
        >>> logs = model.evaluate(np.ones((4, 3)), labels, verbose=0, return_dict=True)
        >>> [logs[name] for name in ("loss", "age_loss", "height_loss")]
        [2.0, 1.0, 2.0]
    """

    @classmethod
    def from_model(
        cls, model: Any, *, taps: dict[str, Any] | None = None, name: str | None = None
    ) -> MultiLossModel:
        """A model over the graph of an existing functional model, whose layers it shares.

        Args:
            model: a functional model, or a sequential one that is built.
            taps: hidden tensors that terms and metrics may name like outputs: a dict from the
                name of a tap to the name of a layer (`"encoder/block4"` for one of a nested
                model), or to a tensor of the graph. `predict` and the stripped model do not have
                them.
            name: name of the new model; by default that of `model`.

        Raises:
            TypeError: if the model is not functional, or belongs to the other Keras.
            ValueError: if a tap names no layer, or its tensor is not on the way to an output.
        """
        check_functional("MultiLossModel.from_model", model)
        ends = symbolic_input(model), symbolic_output(model)
        return cls(*(with_taps(model, taps) if taps else ends), name=name or model.name)
