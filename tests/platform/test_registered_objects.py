"""Keras's table of registered objects is where it is looked for, and is filled in time."""

import types

import pytest

from keras_multiloss._platform import before_first_look, keras

TABLE = None


def _table():
    return TABLE


class Registry:
    """A function that gives a table which it has as a variable, as that of Keras does."""

    def __init__(self):
        self.table = {"old": 1}
        self.n_calls = 0
        self.get = types.FunctionType(_table.__code__, {"TABLE": self.table})
        before_first_look(self.register, self.get)

    def register(self):
        self.n_calls += 1
        self.get()["new"] = 2


def test_keras_has_its_table_as_a_variable_beside_the_function_that_gives_it():
    # Otherwise the whole library is imported at once, which takes longer and is right as well.
    variables = keras.saving.get_custom_objects.__globals__
    table = keras.saving.get_custom_objects()
    assert len([name for name, value in variables.items() if value is table]) == 1


LOOKS = {
    "whether a name is there": lambda table: "new" in table,
    "a name": lambda table: table["new"] == 2,
    "a name or a default": lambda table: table.get("new") == 2,
    "a copy": lambda table: table.copy() == {"old": 1, "new": 2},
    "a merged copy": lambda table: {**table} == {"old": 1, "new": 2},
    "a union": lambda table: table | {"a": 0} == {"old": 1, "new": 2, "a": 0},
    "a union from the right": lambda table: {"a": 0} | table == {"old": 1, "new": 2, "a": 0},
    "all names": lambda table: list(table) == ["old", "new"],
    "all entries": lambda table: dict(table.items()) == {"old": 1, "new": 2},
    "how many": lambda table: len(table) == 2,
    "what it looks like": lambda table: repr(table) == "{'old': 1, 'new': 2}",
    "whether it is equal": lambda table: table == {"old": 1, "new": 2},
    "one that is removed": lambda table: table.pop("new") == 2,
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_everything_is_registered_before_anyone_looks(look):
    registry = Registry()
    assert registry.n_calls == 0
    assert look(registry.get())
    assert registry.n_calls == 1


def test_then_the_table_of_keras_is_back():
    registry = Registry()
    stand_in = registry.get()
    assert stand_in is not registry.table
    assert "old" in stand_in
    assert registry.get() is registry.table
    assert "new" in stand_in
    assert registry.n_calls == 1


def test_what_is_registered_before_is_no_look_and_is_in_the_table():
    registry = Registry()
    registry.get()["mine"] = 3
    registry.get().update(yours=4)
    assert registry.n_calls == 0
    assert registry.table == {"old": 1, "mine": 3, "yours": 4}
    assert registry.get()["mine"] == 3


def test_a_look_while_everything_is_being_registered_finds_what_is_there():
    registry = Registry()
    found = []

    def register():
        registry.n_calls += 1
        if registry.n_calls < 3:  # as an import that is under way is no second one
            found.append("old" in registry.get())

    before_first_look(register, registry.get)
    assert "old" in registry.get()
    assert found == [True, True]


def test_an_error_while_registering_is_told_at_each_look():
    registry = Registry()

    def register():
        raise ImportError("no such module")

    before_first_look(register, registry.get)
    for _ in range(2):
        with pytest.raises(ImportError, match="no such module"):
            registry.get().get("old")


@pytest.mark.parametrize("is_twice", [False, True])
def test_a_table_that_is_elsewhere_is_filled_at_once(is_twice):
    table = {}
    places = {"TABLE": table, "OTHER": table} if is_twice else {"TABLE": lambda: table}
    get = types.FunctionType(_table.__code__, places)
    calls = []
    before_first_look(lambda: calls.append(1), get if is_twice else places["TABLE"])
    assert calls == [1]
