"""The arguments of a term in a form that files can hold, and back."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_config
from keras_multiloss._platform import keras
from keras_multiloss._saving import deserialize, serialize
from keras_multiloss.spec._tensor_sources import keys_config, keys_from_config

ARGUMENTS = (
    "loss",
    "outputs",
    "labels",
    "weight",
    "name",
    "mask",
    "sample_weight",
    "class_weight",
    "required",
    "reduction",
    "part_weights",
    "parts_as_tasks",
)

#: Those that files of version 0.1 lack.
ADDED_LATER = ("reduction", "part_weights", "parts_as_tasks")


def term_config(arguments: dict[str, Any]) -> dict[str, Any]:
    """The config of a term with these arguments."""
    config = dict(arguments)
    config["loss"] = serialize(config["loss"])
    for side in ("outputs", "labels"):
        config[side] = keys_config(config[side])
    config["weight"] = _weight_config(config["weight"])
    if config["part_weights"] is not None:
        config["part_weights"] = {
            name: _weight_config(weight) for name, weight in config["part_weights"].items()
        }
    if config["class_weight"] is not None:
        config["class_weight"] = {str(k): v for k, v in config["class_weight"].items()}
    return config


def term_arguments(cls: type, config: dict[str, Any]) -> dict[str, Any]:
    """The arguments that a config of a term stands for."""
    required = [name for name in ARGUMENTS if name not in ADDED_LATER]
    config = check_config(cls, config, ARGUMENTS, required=required)
    where = f"LossTerm {config['name']!r}" if config["name"] else "LossTerm"
    config["loss"] = deserialize(f"{where}: `loss`", config["loss"], keras.losses)
    config["weight"] = _weight(f"{where}: `weight`", config["weight"])
    for side in ("outputs", "labels"):
        config[side] = keys_from_config(config[side])
    if isinstance(config.get("part_weights"), dict):
        config["part_weights"] = {
            name: _weight(f"{where}: `part_weights`", weight)
            for name, weight in config["part_weights"].items()
        }
    if isinstance(config["class_weight"], dict):
        config["class_weight"] = _with_class_numbers(config["class_weight"])
    return config


def _weight_config(weight: Any) -> Any:
    return serialize(weight) if callable(weight) else weight


def _weight(where: str, config: Any) -> Any:
    return deserialize(where, config, keras.optimizers.schedules)


def _with_class_numbers(class_weight: dict[Any, Any]) -> dict[Any, Any]:
    """Class weights of a file, in which all keys are strings."""
    return {
        int(key) if isinstance(key, str) and key.isdecimal() else key: weight
        for key, weight in class_weight.items()
    }
