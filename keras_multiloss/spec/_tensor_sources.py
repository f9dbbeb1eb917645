"""Where a tensor that a term names comes from: an input or an output, in place of the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keras_multiloss._checks import check_bool, check_config, check_key
from keras_multiloss._platform import keras_mask, ops, set_keras_mask

if TYPE_CHECKING:
    from keras_multiloss.spec._by_name import Key


@dataclass(frozen=True, repr=False)
class FromInput:
    """An input of the model; `from_input` makes it.

    Args:
        name: of the input.
    """

    name: Key

    def __repr__(self) -> str:
        return f"from_input({self.name!r})"

    def get_config(self) -> dict[str, Any]:
        return {"from_input": self.name}


@dataclass(frozen=True, repr=False)
class FromOutput:
    """An output of the model; `from_output` makes it.

    Args:
        name: of the output.
        stop_gradient: whether no gradient flows to it.
    """

    name: Key
    stop_gradient: bool = True

    def __repr__(self) -> str:
        way = "" if self.stop_gradient else ", stop_gradient=False"
        return f"from_output({self.name!r}{way})"

    def get_config(self) -> dict[str, Any]:
        return {"from_output": self.name, "stop_gradient": self.stop_gradient}


#: What stands among the names of a term for a tensor of the model.
SOURCES = (FromInput, FromOutput)


def from_input(name: Key) -> FromInput:
    """A label, or a further output, of a term that is an input of the model.

    An autoencoder compares its output with its input, and needs no label in the data:
    `LossTerm("mse", "decoded", labels=kml.from_input("image"))`.

    Args:
        name: of the input; its position where inputs have no names.

    Returns:
        What `LossTerm` takes for `labels`, or in a list for `outputs`.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> loss = kml.WeightedSumLoss(
        ...     [kml.LossTerm("mse", "decoded", labels=kml.from_input("image"))]
        ... )
        >>> image, decoded = np.ones((2, 3)), np.zeros((2, 3))
        >>> float(loss(None, {"decoded": decoded}, x={"image": image}))
        1.0
    """
    return FromInput(check_key("from_input", "name", name))


def from_output(name: Key, *, stop_gradient: bool = True) -> FromOutput:
    """A label, or a further output, of a term that is an output of the model.

    Such are targets that the graph makes: the output of a teacher, of another view, or of a layer
    that matches boxes.

    Args:
        name: of the output.
        stop_gradient: whether no gradient flows to it; if false, the term trains it, too.

    Returns:
        What `LossTerm` takes for `labels`, or in a list for `outputs`.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> loss = kml.WeightedSumLoss(
        ...     [kml.LossTerm("mae", "student", labels=kml.from_output("teacher"))]
        ... )
        >>> float(loss(None, {"student": np.zeros((2, 1)), "teacher": np.full((2, 1), 3.0)}))
        3.0
    """
    where = "from_output"
    return FromOutput(
        check_key(where, "name", name), check_bool(where, "stop_gradient", stop_gradient)
    )


def keys_config(keys: Any) -> Any:
    """Names, positions and sources of a term as a config can hold them."""
    if isinstance(keys, list):
        return [keys_config(key) for key in keys]
    return keys.get_config() if isinstance(keys, SOURCES) else keys


def keys_from_config(keys: Any) -> Any:
    """What `keys_config` stands for."""
    if isinstance(keys, (list, tuple)):
        return [keys_from_config(key) for key in keys]
    if not isinstance(keys, dict) or not {"from_input", "from_output"} & set(keys):
        return keys
    if "from_input" in keys:
        return from_input(check_config(FromInput, keys, ["from_input"])["from_input"])
    arguments = ("from_output", "stop_gradient")
    config = check_config(FromOutput, keys, arguments, required=arguments)
    return from_output(config.pop("from_output"), **config)


def without_gradient(output: Any, condition: Any = True) -> Any:
    """An output that carries no gradient where a condition holds; it keeps its mask of Keras."""
    blocked = ops.stop_gradient(output)
    seen = blocked if condition is True else ops.where(condition, blocked, output)
    set_keras_mask(seen, keras_mask(output))
    return seen
