"""Which steps of a sequence are padding, as Keras's masking layers marked them."""

from __future__ import annotations

from typing import Any

from keras_multiloss._platform import keras_mask, ops
from keras_multiloss.evaluation._shapes import rank


def marked_padding(*tensors: Any) -> list[Any]:
    """Which entries of tensors count, for each tensor that carries a mask of Keras."""
    masks = [keras_mask(tensor) for tensor in tensors]
    return [ops.cast(mask, "bool") for mask in masks if mask is not None]


def padding_of_values(values: Any, of_outputs: list[Any]) -> list[Any]:
    """Which values of a loss count, as far as masks of Keras tell.

    These are the mask that the loss itself marked its values with (`ignore_class`), and those
    that the outputs came with; but a loss with one value for a whole sequence handles its steps
    itself.
    """
    n_axes = rank(values) or 0
    steps = [mask for mask in of_outputs if (rank(mask) or 0) <= n_axes]
    return [*steps, *marked_padding(values)]
