"""The layer that holds the class vectors of ArcFace and CosFace."""

from __future__ import annotations

import numbers
from typing import Any

from keras_multiloss._messages import error
from keras_multiloss._platform import keras, ops
from keras_multiloss._saving import serializable
from keras_multiloss.losses._vectors import unit


@serializable
class CosineDense(keras.layers.Layer):
    r"""A dense layer whose outputs are cosines, as `ArcFaceLoss` and `CosFaceLoss` need them.

    $$y_j = \frac{\langle x, w_j \rangle}{\lVert x \rVert\, \lVert w_j \rVert}$$

    The vectors $w_j$, one per class, are the columns of its kernel, its only weights. Its output
    is what the loss sees; the class with the largest cosine is the prediction.

    Args:
        units: the number of classes, 1 or more.
        kernel_initializer: an initializer of the vectors.
        kernel_regularizer: a regulariser of the vectors, or `None`.
        **kwargs: as for every Keras layer, such as `name`.

    Shape:
        - input: `(batch, ..., n)`.
        - output: `(batch, ..., units)`, from -1 to 1; 0 for an input of length zero.

    Raises:
        ValueError: if `units` is not an integer of at least 1.

    Example:
        >>> import keras
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> layer = kml.layers.CosineDense(2, kernel_initializer="identity")
        >>> cosines = keras.Sequential([layer]).predict(np.array([[3.0, 4.0]]), verbose=0)
        >>> [round(float(x), 3) for x in cosines[0]]
        [0.6, 0.8]

    References:
        Deng et al., "ArcFace: additive angular margin loss for deep face recognition", CVPR
        2019.
    """

    def __init__(
        self,
        units: int,
        *,
        kernel_initializer: Any = "glorot_uniform",
        kernel_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(units, bool) or not isinstance(units, numbers.Integral) or units < 1:
            raise error(
                ValueError,
                "CosineDense",
                "`units` must be an integer of at least 1",
                expected="the number of classes, such as 10",
                received=repr(units),
            )
        self.units: int = int(units)
        self.kernel_initializer: Any = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer: Any = keras.regularizers.get(kernel_regularizer)

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(
            name="kernel",
            shape=(input_shape[-1], self.units),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
        )
        self.built = True

    def call(self, inputs: Any) -> Any:
        # In half precision the length of a long vector would be infinite.
        vectors = unit(ops.cast(inputs, "float32"))
        classes = unit(ops.transpose(ops.cast(self.kernel, "float32")))
        cosines = ops.matmul(vectors, ops.transpose(classes))
        return ops.cast(cosines, self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        own = {
            "units": self.units,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
        }
        return {**super().get_config(), **own}
