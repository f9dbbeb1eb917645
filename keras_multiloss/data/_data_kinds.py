"""The kinds of data that the adapters take, each told apart without importing TensorFlow."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, Literal

from keras_multiloss._messages import error
from keras_multiloss._platform import PyDataset, is_from_other_keras, is_tensor
from keras_multiloss._saving import other_keras_error

DataKind = Literal["tf.data", "PyDataset", "generator", "arrays"]


def data_kind(where: str, data: Any) -> DataKind:
    """What the data is; raises for what no adapter takes."""
    if _is_tf_dataset(data):
        return "tf.data"
    if isinstance(data, PyDataset):
        return "PyDataset"
    if is_from_other_keras(data):
        raise other_keras_error(where, "data", data)
    if isinstance(data, Iterator):
        return "generator"
    if isinstance(data, (tuple, list, dict)):
        return "arrays"
    raise error(
        TypeError,
        where,
        "this kind of data is not supported",
        expected="a tf.data.Dataset, a keras.utils.PyDataset (or Sequence), a generator of "
        "batches, or arrays",
        received=f"an object of type {type(data).__name__}",
        hint="arrays come as a tuple `(x, y)`, or as a dict of inputs"
        if is_tensor(data)
        else "a generator takes any iterable: `(batch for batch in data)`",
    )


def _is_tf_dataset(data: Any) -> bool:
    """Whether it is a `tf.data.Dataset`; there is none before TensorFlow was imported."""
    tensorflow = sys.modules.get("tensorflow")
    return tensorflow is not None and isinstance(data, tensorflow.data.Dataset)
