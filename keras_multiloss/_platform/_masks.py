"""The masks that Keras's masking layers leave on tensors."""

from __future__ import annotations

from typing import Any

from keras_multiloss._platform._keras import KERAS_3


def keras_mask(tensor: Any) -> Any:
    """The mask that `Masking` or `Embedding(mask_zero=True)` left on a tensor, or `None`.

    Keras 3 keeps the masks of tensors that take no attributes (JAX) in a table of its own.
    """
    if not KERAS_3:
        return getattr(tensor, "_keras_mask", None)
    from keras.src.backend.common.masking import get_keras_mask  # noqa: PLC0415 (Keras 3 only)

    return get_keras_mask(tensor)


def set_keras_mask(tensor: Any, mask: Any) -> None:
    """Mark which entries of a tensor count, as the masking layers of Keras do."""
    if not KERAS_3:
        tensor._keras_mask = mask
        return
    from keras.src.backend.common.masking import set_keras_mask as set_mask  # noqa: PLC0415

    set_mask(tensor, mask)
