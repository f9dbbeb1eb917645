"""`MultiLossModel`: a functional model that is compiled with a total loss."""

from __future__ import annotations

from typing import Any

from keras_multiloss._platform import keras
from keras_multiloss._saving import serializable
from keras_multiloss.models._multi_loss_mixin import MultiLossMixin
from keras_multiloss.models._structure import check_functional, symbolic_input, symbolic_output


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
    def from_model(cls, model: Any, *, name: str | None = None) -> MultiLossModel:
        """A model over the graph of an existing functional model, whose layers it shares.

        Args:
            model: a functional model, or a sequential one that is built.
            name: name of the new model; by default that of `model`.

        Raises:
            TypeError: if the model is not functional, or belongs to the other Keras.
        """
        check_functional("MultiLossModel.from_model", model)
        return cls(symbolic_input(model), symbolic_output(model), name=name or model.name)
