"""Two programs for a training step of JAX: one for each nth step, and one for the others.

A branch in a program is compiled by itself, and XLA runs convolutions in one slowly on a CPU. So
the one who calls the programs tells which of them it is, by what it wraps the data in.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

from keras_multiloss._platform._keras import backend, keras

if TYPE_CHECKING:
    from collections.abc import Iterator

    _Model: Any = keras.Model
else:
    _Model = object

#: Around the data of a step: a program is made for each structure of its arguments.
AT_TURN, IN_BETWEEN = "keras_multiloss>at_turn", "keras_multiloss>in_between"


class TakesTurns(_Model):
    """A model that may do something else at each nth training step (JAX only)."""

    #: What a thread traces, or runs.
    _program: Any = threading.local()

    train_function: Any

    @property
    def _is_turn(self) -> bool | None:
        """Whether the step that is traced is an nth one; `None` where only its data tell."""
        return getattr(self._program, "is_turn", None)

    @property
    def _n_of_turns(self) -> int | None:
        """The n of each nth step; `None` if all steps are alike."""
        return None

    def _steps_to_turn(self, values: Any) -> int:
        """How many steps are left to the next nth one.

        Args:
            values: those of the variables that are not trained.
        """
        raise NotImplementedError

    if backend() == "jax":

        def make_train_function(self, force: bool = False) -> None:
            """Keras's own, which runs one program or another."""
            if not force and self.train_function is not None:
                return
            super().make_train_function(force)
            step, n = self.train_function, self._n_of_turns
            if n is None:
                return

            def steps(state: Any, iterator: Any) -> Any:
                return step(state, _marked(iterator, self._steps_to_turn(state[1]), n))

            self.train_function = steps

    @contextlib.contextmanager
    def _in_program_for(self, data: Any) -> Iterator[Any]:
        """The data of a step, in the program that they say they are for."""
        if not isinstance(data, dict) or set(data) not in ({AT_TURN}, {IN_BETWEEN}):
            yield data
            return
        self._program.is_turn = AT_TURN in data
        try:
            yield next(iter(data.values()))
        finally:
            self._program.is_turn = None


def _marked(iterator: Any, left: int, n: int) -> Iterator[Any]:
    """Data that say which program they are for."""
    for data in iterator:
        yield {AT_TURN if left == 0 else IN_BETWEEN: data}
        left = (left or n) - 1
