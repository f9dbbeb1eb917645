"""The logs of a compiled step as one vector, which is taken apart where they are read.

A scalar for each log that leaves a compiled step costs more than most losses do.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

from keras_multiloss._platform._keras import KERAS_3, backend, keras
from keras_multiloss._platform._replicas import n_replicas

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    _Model: Any = keras.Model
else:
    _Model = object

#: The name of the vector among the logs.
PACKED = "keras_multiloss>logs"

#: In each thread, the metric that packs its logs, of the model whose step runs; and whether these
#: are read when the step ends.
_running: Any = threading.local()


def packs_logs(metric: Any) -> bool:
    """Whether a metric gives its logs as a vector named `PACKED`, which its model takes apart.

    It does inside of a compiled step; several replicas reduce their logs one by one.
    """
    return getattr(_running, "metric", None) is metric and n_replicas() == 1


@contextlib.contextmanager
def _packing(metric: Any) -> Iterator[None]:
    before = getattr(_running, "metric", None)
    _running.metric = metric
    try:
        yield
    finally:
        _running.metric = before


@contextlib.contextmanager
def _reading_at_once() -> Iterator[None]:
    """Where Keras takes logs for a dict that holds what it shows."""
    _running.reads_at_once = True
    try:
        yield
    finally:
        _running.reads_at_once = False


class StepLogs(dict[str, Any]):
    """Logs that are taken apart when they are read first.

    Args:
        read: gives the logs by name.
    """

    def __init__(self, read: Callable[[], dict[str, Any]]) -> None:
        super().__init__()
        self._read: Callable[[], dict[str, Any]] | None = read

    def as_numbers(self) -> dict[str, Any]:
        """The logs in the order of their names, as Keras gives them to callbacks."""
        return {name: _as_number(value) for name, value in sorted(self.items())}

    def _fill(self) -> None:
        read = self._read
        if read is not None:
            # Callbacks may read from a thread of their own: filled first, then marked.
            dict.update(self, {**read(), **dict(dict.items(self))})
            self._read = None


def _as_number(value: Any) -> Any:
    """A number as a float; anything else as it is."""
    if type(value) is float:
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


def _after_reading(name: str) -> Any:
    method = getattr(dict, name)

    def read(self: StepLogs, *args: Any, **kwargs: Any) -> Any:
        self._fill()
        return method(self, *args, **kwargs)

    read.__name__ = name
    return read


for _name in (
    *("__contains__", "__delitem__", "__eq__", "__getitem__", "__iter__", "__len__", "__ne__"),
    *("__or__", "__repr__", "__reversed__", "__ror__", "__setitem__", "clear", "copy", "get"),
    *("items", "keys", "pop", "popitem", "setdefault", "update", "values"),
):
    setattr(StepLogs, _name, _after_reading(_name))


class PacksLogs(_Model):
    """A model whose compiled steps give the logs of one of its metrics as a vector."""

    train_function: Any
    test_function: Any

    @property
    def _packed_metric(self) -> Any:
        """The metric that packs its logs, which has a method `apart`; `None` for none."""
        return None

    if KERAS_3:

        def make_train_function(self, force: bool = False) -> None:
            """Keras's own, whose logs are taken apart when they are read."""
            if force or self.train_function is None:
                super().make_train_function(force)
                self.train_function = self._with_packed_logs(self.train_function)

        def make_test_function(self, force: bool = False) -> None:
            """Keras's own, whose logs are taken apart when they are read."""
            if force or self.test_function is None:
                super().make_test_function(force)
                self.test_function = self._with_packed_logs(self.test_function)

        def train_on_batch(self, *args: Any, **kwargs: Any) -> Any:
            """Keras's own, which takes logs that are a dict and nothing else."""
            with _reading_at_once():
                return super().train_on_batch(*args, **kwargs)

        def test_on_batch(self, *args: Any, **kwargs: Any) -> Any:
            """Keras's own, which takes logs that are a dict and nothing else."""
            with _reading_at_once():
                return super().test_on_batch(*args, **kwargs)

    def _with_packed_logs(self, step: Callable[..., Any]) -> Callable[..., Any]:
        """A function of Keras that runs steps, with logs that are packed on their way out of it."""
        metric = self._packed_metric
        if metric is None:
            return step

        def steps(*args: Any) -> Any:
            with _packing(metric):
                found = step(*args)
            if backend() != "jax":
                return _unpacked_logs(found, metric)
            logs, *state = found
            return (_unpacked_logs(logs, metric), *state)

        return steps


def _unpacked_logs(logs: Any, metric: Any) -> Any:
    if not isinstance(logs, dict) or PACKED not in logs:
        return logs
    others = {name: value for name, value in logs.items() if name != PACKED}
    found = StepLogs(lambda: {**others, **metric.apart(logs[PACKED])})
    return dict(found) if getattr(_running, "reads_at_once", False) else found
