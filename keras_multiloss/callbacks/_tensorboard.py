"""Scalars and images in the files that TensorBoard reads.

`tf.summary.scalar` and `image` are parts of the tensorboard package, which is needed to
look at them, but often installed elsewhere; `tf.summary.write` needs TensorFlow alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._platform import tensorflow

if TYPE_CHECKING:
    from pathlib import Path


class SummaryWriter:
    """Writes a file of events.

    Args:
        log_dir: the folder that TensorBoard is pointed at.
    """

    def __init__(self, log_dir: str | Path) -> None:
        self._tf = tensorflow()
        self._writer = self._tf.summary.create_file_writer(str(log_dir))

    def write_scalars(self, values: dict[str, float], step: int) -> None:
        """Write numbers by name."""
        for name, value in values.items():
            self._write(name, self._tf.constant(value, "float32"), step, "scalars", "SCALAR")

    def write_image(self, name: str, png: bytes, size: tuple[int, int], step: int) -> None:
        """Write an image of a width and a height."""
        width, height = (str(pixels).encode() for pixels in size)
        tensor = self._tf.constant([width, height, png])
        self._write(name, tensor, step, "images", "BLOB_SEQUENCE")

    def flush(self) -> None:
        """Let TensorBoard see what is written so far."""
        self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        self._writer.close()

    def _write(self, name: str, tensor: Any, step: int, plugin: str, data_class: str) -> None:
        metadata = self._tf.compat.v1.SummaryMetadata(
            plugin_data={"plugin_name": plugin}, data_class=f"DATA_CLASS_{data_class}"
        )
        with self._writer.as_default():
            self._tf.summary.write(name, tensor, step=step, metadata=metadata)
