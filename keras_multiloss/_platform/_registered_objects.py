"""Keras's table of registered classes and functions, filled when someone first reads it."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

from keras_multiloss._platform._keras import keras

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def before_first_look(
    register: Callable[[], None],
    table_of_keras: Callable[[], Any] = keras.saving.get_custom_objects,
) -> None:
    """Call a function that registers objects as late as can be: before anyone looks for one.

    Keras looks when it restores anything, be it a file or the optimizer of `compile("adam")`.
    Where its table cannot be stood in for, the function is called at once.

    Args:
        register: imports whatever registers itself.
        table_of_keras: the function of Keras that gives its table, which is a variable of the
            same module.
    """
    table, variables = table_of_keras(), getattr(table_of_keras, "__globals__", {})
    places = [name for name, value in variables.items() if value is table]
    if len(places) == 1:
        variables[places[0]] = _UnreadTable(table, register, variables, places[0])
    else:
        register()


class _UnreadTable(MutableMapping[str, Any]):
    """Stands in for Keras's table until it is first read; then that table is back.

    What is registered meanwhile goes into the table itself, so that nothing is lost, and who
    has got hold of either of them sees the same.
    """

    def __init__(
        self, table: Any, register: Callable[[], None], variables: dict[str, Any], place: str
    ) -> None:
        self._table = table
        self._register = register
        self._variables = variables
        self._place = place

    def _read(self) -> Any:
        if self._variables[self._place] is self:
            self._register()  # other threads wait for its imports, as any import does
            self._variables[self._place] = self._table
        return self._table

    def __setitem__(self, name: str, registered: Any) -> None:
        self._table[name] = registered

    def __getitem__(self, name: str) -> Any:
        return self._read()[name]

    def __delitem__(self, name: str) -> None:
        del self._read()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def __or__(self, other: Any) -> Any:
        return self._read() | other

    def __ror__(self, other: Any) -> Any:
        return other | self._read()

    def __repr__(self) -> str:
        return repr(self._read())

    def copy(self) -> Any:
        return self._read().copy()
