"""What a loss asks of the shapes of its label and its output."""

from __future__ import annotations

import inspect
import re
from typing import Any, Literal, get_args

from keras_multiloss._platform import constructor_extras
from keras_multiloss._saving import is_builtin

Kind = Literal["elementwise", "vector", "whole", "sparse", "joint", "unknown"]


#: The mean over the last axis of a function of single entries.
ELEMENTWISE = {
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "hinge",
    "huber",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "squared_hinge",
}


#: A function of the whole last axis, with a label of the shape of the output.
VECTOR = {
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "cosine_similarity",
    "kl_divergence",
}


#: A function of other axes, or of the whole batch, with a label of the shape of the output.
WHOLE = {"dice", "tversky"}


#: A function of the last axis and of one class number.
SPARSE = {"categorical_generalized_cross_entropy", "sparse_categorical_crossentropy"}


#: The kinds whose label has the shape of the output.
LIKE_OUTPUT = {"elementwise", "vector", "whole"}


def kind_of(loss: Any) -> Kind:
    """How a loss treats its axes, where that is known: for the losses of Keras.

    A user's class or function may say so with an attribute `kind`.
    """
    declared: Any = getattr(loss, "kind", None)
    if declared in get_args(Kind):
        return declared
    target = loss if inspect.isfunction(loss) else type(loss)
    if not is_builtin(target):
        return "unknown"
    name = snake_case(target.__name__)
    name = {"kldivergence": "kl_divergence"}.get(name, name)
    if name in SPARSE:
        return "sparse" if _axis(loss) == -1 else "unknown"
    if name in ELEMENTWISE | VECTOR | WHOLE:
        if name in WHOLE or _axis(loss) != -1:
            return "whole"
        return "elementwise" if name in ELEMENTWISE else "vector"
    return "unknown"


def _axis(loss: Any) -> Any:
    """The axis that a loss of Keras was told to reduce; the functions have their default."""
    return -1 if inspect.isfunction(loss) else constructor_extras(loss).get("axis", -1)


def snake_case(name: str) -> str:
    """The name of a class in the style of the log, such as `"log_cosh"` for `"LogCosh"`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
