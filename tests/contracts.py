"""Assertions that every public object keeps."""

import inspect
import json


def config_survives_json(obj):
    """The object that the JSON of a config restores has the same config."""
    config = obj.get_config()
    restored = type(obj).from_config(json.loads(json.dumps(config)))
    assert restored.get_config() == config


def arguments_are_attributes(obj, *, but=()):
    """Each argument of the constructor is an attribute by its own name."""
    parameters = inspect.signature(type(obj).__init__).parameters.values()
    named = [p.name for p in parameters if p.kind not in {p.VAR_KEYWORD, p.VAR_POSITIONAL}]
    missing = [n for n in named if n != "self" and n not in but and not hasattr(obj, n)]
    assert missing == []


def is_documented(obj):
    """A public class or function has a docstring with an example."""
    text = inspect.getdoc(obj) or ""
    assert "Example:" in text, f"{obj} has no example"
    assert ">>>" in text


def is_registered(cls, package="keras_multiloss"):
    """Files know the class by the name of the package, and no path."""
    from keras_multiloss._platform import keras

    assert keras.saving.get_registered_name(cls) == f"{package}>{cls.__name__}"
