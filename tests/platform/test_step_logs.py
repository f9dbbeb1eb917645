"""Logs that leave a compiled step as one vector: who reads them sees names and numbers."""

import pytest

from keras_multiloss._platform import keras
from keras_multiloss._platform._step_logs import StepLogs
from tests.lanes import needs_keras_3

#: Methods of dicts that read nothing that is in them.
READ_NOTHING = {
    *("__class__", "__class_getitem__", "__delattr__", "__dir__", "__doc__", "__format__"),
    *("__ge__", "__getattribute__", "__getstate__", "__gt__", "__hash__", "__init__", "__ior__"),
    *("__init_subclass__", "__le__", "__lt__", "__new__", "__reduce__", "__reduce_ex__"),
    *("__setattr__", "__sizeof__", "__str__", "__subclasshook__", "fromkeys"),
}


def logs():
    return StepLogs(lambda: {"a_loss": 1.0, "loss": 2.0})


@pytest.mark.parametrize(
    "read",
    [
        dict,
        lambda found: dict(found.items()),
        lambda found: {**found},
        lambda found: {name: found[name] for name in found},
        lambda found: dict(zip(found.keys(), found.values(), strict=True)),
        lambda found: found.copy(),
        lambda found: found | {},
        lambda found: {} | found,
    ],
)
def test_logs_are_read_in_whatever_way(read):
    assert read(logs()) == {"a_loss": 1.0, "loss": 2.0}


def test_logs_answer_before_anything_was_read():
    assert len(logs()) == 2
    assert "loss" in logs()
    assert logs().get("loss") == 2.0
    assert logs() == {"a_loss": 1.0, "loss": 2.0}
    assert logs() != {}
    assert bool(logs())
    assert str(logs()) == "{'a_loss': 1.0, 'loss': 2.0}"
    assert logs().pop("loss") == 2.0
    changed = logs()
    changed["loss"] = 3.0
    changed.update(b=4.0)
    assert changed == {"a_loss": 1.0, "loss": 3.0, "b": 4.0}
    changed = logs()
    changed |= {"loss": 5.0}
    assert changed == {"a_loss": 1.0, "loss": 5.0}


def test_every_method_of_dicts_that_reads_is_one_of_logs():
    reading = set(dir(dict)) - READ_NOTHING
    assert reading <= set(vars(StepLogs)), reading - set(vars(StepLogs))


def test_nothing_is_read_twice():
    calls = []

    def read():
        calls.append(1)
        return {"loss": 1.0}

    found = StepLogs(read)
    assert not calls
    assert [found["loss"], found["loss"], *found] == [1.0, 1.0, "loss"]
    assert len(calls) == 1


@needs_keras_3
def test_the_functions_that_run_steps_are_those_that_are_wrapped():
    assert {"make_train_function", "make_test_function"} <= set(dir(keras.Model))
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", loss="mse")
    assert model.train_function is None
    assert model.test_function is None
