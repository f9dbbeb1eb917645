"""`TermLogs`: the losses of the terms where Keras layers cannot record them."""

from __future__ import annotations

from typing import Any

from keras_multiloss._platform import keras, ops
from keras_multiloss.callbacks._loss_hosts import loss_layers


class TermLogs(keras.callbacks.Callback):
    """Puts `<term>_loss` of every `WeightedSumLossLayer` into the logs of each epoch.

    Needed with JAX only, where Keras layers cannot record metrics; with other backends the layer
    logs the same numbers itself. The logs reach `History`, those of the validation with the
    prefix `val_`; the progress bar shows them at the end of an epoch. A callback cannot add to
    what `evaluate` returns: pass it to `evaluate` and read its attribute `evaluation`.

    Attributes:
        evaluation: the logs of the terms in the last evaluation or validation.

    Example:
        >>> import keras
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> x = keras.Input((3,), name="x")
        >>> model = keras.Model(x, {"age": keras.layers.Dense(1)(x)})
        >>> model = kml.attach_losses(model, kml.LossTerm("mse", "age"))
        >>> model.compile("sgd")
        >>> data = {"x": np.ones((4, 3)), "age_label": np.ones((4, 1))}
        >>> history = model.fit(data, verbose=0, callbacks=[kml.callbacks.TermLogs()])
        >>> sorted(history.history)
        ['age_loss', 'loss']
    """

    def __init__(self) -> None:
        super().__init__()
        self.evaluation: dict[str, float] = {}
        self._training_logs: dict[str, float] | None = None
        self._is_in_epoch = False

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        self._is_in_epoch = True
        self._training_logs = None

    def on_test_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        # The validation at the end of an epoch starts the running means anew.
        if self._is_in_epoch and self._training_logs is None:
            self._training_logs = self._read()

    def on_test_end(self, logs: Any = None) -> None:
        self.evaluation = self._read()
        if logs is not None:
            logs.update(self.evaluation)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        self._is_in_epoch = False
        if logs is None:
            return
        if self._training_logs is None:
            logs.update(self._read())
        else:
            logs.update(self._training_logs)
            logs.update({f"val_{name}": value for name, value in self.evaluation.items()})

    def _read(self) -> dict[str, float]:
        logs: dict[str, float] = {}
        for layer in loss_layers(self.model):
            means = layer.running_means
            sums = ops.convert_to_tensor(means.variable())
            logs.update({k: float(v) for k, v in means.apart(sums).items()})
        return logs
