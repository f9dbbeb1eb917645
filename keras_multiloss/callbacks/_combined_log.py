"""`CombinedLog`: one number made of several logs, to stop and to save by."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_count, check_finite_number, check_name
from keras_multiloss._container_checks import check_is_dict
from keras_multiloss._messages import error, unknown_name
from keras_multiloss._platform import keras


class CombinedLog(keras.callbacks.Callback):
    r"""Puts a weighted sum of logs into the log, at the end of each epoch.

    $$s = \sum_k w_k \, \mathrm{log}_k$$

    Keras's `EarlyStopping`, `ModelCheckpoint`, `ReduceLROnPlateau` and tuners look at one number;
    a model with several outputs has many. Put this callback **before** those that read it.

    Args:
        name: what the log calls the sum.
        weights: a dict from names in the log to numbers. A negative weight is for what should be
            large, such as an accuracy, in a sum that should be small.
        validation_freq: as for `fit`: in the epochs between, which have no `val_` logs, there is
            no sum.

    Raises:
        TypeError: if `weights` is not a dict of numbers.
        ValueError: if it is empty, or, at the end of the first epoch, if the log lacks one of the
            names or has `name` already.

    Example:
        >>> import keras
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> x = keras.Input((3,), name="x")
        >>> model = kml.MultiLossModel(x, {"age": keras.layers.Dense(1)(x)})
        >>> model.compile("sgd", loss=kml.LossTerm("mse", "age"), metrics={"age": ["mae"]})
        >>> score = kml.callbacks.CombinedLog("score", {"age_loss": 0.3, "mae": 2.0})
        >>> stop = keras.callbacks.EarlyStopping("score", mode="min", patience=2)
        >>> history = model.fit(np.ones((4, 3)), {"age": np.ones((4, 1))}, epochs=2,
        ...                     callbacks=[score, stop], verbose=0).history
        >>> expected = 0.3 * history["age_loss"][-1] + 2.0 * history["mae"][-1]
        >>> abs(history["score"][-1] - expected) < 1e-6
        True
    """

    def __init__(self, name: str, weights: dict[str, float], *, validation_freq: int = 1) -> None:
        super().__init__()
        where = "CombinedLog"
        check_name(where, "name", name)
        self.name = name
        given = check_is_dict(where, "weights", weights)
        if not given:
            raise error(
                ValueError,
                where,
                "`weights` must not be empty",
                expected="names in the log with numbers, {'val_age_loss': 1.0}",
                received=repr(weights),
            )
        self.weights = {
            key: check_finite_number(where, f"weights[{key!r}]", weight)
            for key, weight in given.items()
        }
        self.validation_freq = check_count(where, "validation_freq", validation_freq)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if logs is None or (epoch + 1) % self.validation_freq:
            return
        self._check_has_all(logs)
        logs[self.name] = sum(weight * float(logs[key]) for key, weight in self.weights.items())

    def _check_has_all(self, logs: dict[str, Any]) -> None:
        """Raise if the log lacks a summand, or has something of the name of the sum."""
        where = f"CombinedLog {self.name!r}"
        for key in self.weights:
            if key not in logs:
                has_no_validation = not any(known.startswith("val_") for known in logs)
                is_of_validation = key.startswith("val_") and has_no_validation
                raise unknown_name(
                    where,
                    "the log of the epoch has no entry of that name",
                    key,
                    logs,
                    hint="give `fit` validation data, and this callback its `validation_freq`"
                    if is_of_validation
                    else None,
                )
        if self.name in logs:
            raise error(
                ValueError,
                where,
                "the log has an entry of that name already",
                expected="another `name` for the sum",
                received=f"{list(logs)}",
            )
