"""`TermWeightScheduler`: weights set at the beginning of each epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._messages import described, error, unknown_name
from keras_multiloss._platform import keras
from keras_multiloss.callbacks._loss_hosts import hosts

if TYPE_CHECKING:
    from collections.abc import Callable


class TermWeightScheduler(keras.callbacks.Callback):
    """Sets weights of terms at the beginning of each epoch.

    The sum needs `weighting="static"`, which opens its weights to change. A weight that
    follows the step rather than the epoch is better given as a schedule,
    `LossTerm(..., weight=schedule)`, which needs no callback.

    Args:
        weights: a dict from names of terms to functions of the number of the epoch, counted
            from 0, that return a finite number, by which the weight of the term is multiplied.

    Raises:
        TypeError: if it is not a dict of functions.
        ValueError: when training begins, if a name is not that of a term, or its weight is not
            open to change.

    Example:
        >>> import keras
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> x = keras.Input((3,), name="x")
        >>> model = kml.MultiLossModel(x, {"age": keras.layers.Dense(1)(x)})
        >>> terms = [kml.LossTerm("mse", "age")]
        >>> model.compile("sgd", loss=kml.WeightedSumLoss(terms, weighting="static"))
        >>> warm_up = kml.callbacks.TermWeightScheduler({"age": lambda epoch: epoch / 4})
        >>> history = model.fit(np.ones((4, 3)), {"age": np.ones((4, 1))}, epochs=3,
        ...                     callbacks=[warm_up], verbose=0)
        >>> history.history["age_weight"]
        [0.0, 0.25, 0.5]
    """

    def __init__(self, weights: dict[str, Callable[[int], float]]) -> None:
        super().__init__()
        is_dict = isinstance(weights, dict)
        if not is_dict or not all(callable(function) for function in weights.values()):
            raise error(
                TypeError,
                "TermWeightScheduler",
                "`weights` is not a dict of functions",
                expected="a dict from names of terms to functions of the epoch",
                received=described(weights),
            )
        self.weights = dict(weights)

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002 (of Keras)
        if not hosts(self.model):
            raise error(
                ValueError,
                "TermWeightScheduler",
                "the model has no total loss",
                expected="a MultiLossModel that is compiled with one, or a WeightedSumLossLayer",
                received=repr(self.model),
            )
        known = [name for host in hosts(self.model) for name in host.term_weights]
        for name in self.weights:
            if name not in known:
                raise unknown_name(
                    "TermWeightScheduler", "there is no such term in the model", name, known
                )

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002 (of Keras)
        for host in hosts(self.model):
            for name, weight_at in self.weights.items():
                if name in host.term_weights:
                    host.term_weights[name] = weight_at(epoch)
