"""What a loss asks of the shapes of its label and its output."""

from __future__ import annotations

import inspect
import re
from typing import Any, Literal

from keras_multiloss._keras import constructor_extras
from keras_multiloss._serialization import is_builtin

Kind = Literal["elementwise", "vector", "sparse", "joint", "unknown"]

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


def kind_of(loss: Any) -> Kind:
    """How a loss treats the last axis, where that is known: for the losses of Keras.

    A class or function of one's own may say so with an attribute `kind`.
    """
    declared = getattr(loss, "kind", None)
    if declared is not None:
        return declared
    target = loss if inspect.isfunction(loss) else type(loss)
    if not is_builtin(target):
        return "unknown"
    name = _snake_case(target.__name__)
    if name in ELEMENTWISE:
        axis = constructor_extras(loss).get("axis", -1) if target is not loss else -1
        return "elementwise" if axis == -1 else "vector"
    if name in VECTOR:
        return "vector"
    return "sparse" if name == "sparse_categorical_crossentropy" else "unknown"


def _snake_case(name: str) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    return {"kldivergence": "kl_divergence", "logcosh": "log_cosh"}.get(words, words)
