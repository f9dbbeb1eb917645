"""Objects as configs that a file can hold, and back.

Keras leaves arguments out of the configs of some of its losses. Here every constructor argument
is kept, and what no file could restore is refused when an object is built.
"""

from keras_multiloss._saving._configs import (
    PACKAGE,
    arguments_of,
    deserialize,
    is_builtin,
    is_of_keras,
    other_keras_error,
    serializable,
    serialize,
)
from keras_multiloss._saving._identifiers import (
    RuleNames,
    get_loss,
    is_name_of_loss,
    loss_name,
)
from keras_multiloss._saving._saveable import (
    check_saveable,
)

__all__ = [
    "PACKAGE",
    "RuleNames",
    "arguments_of",
    "check_saveable",
    "deserialize",
    "get_loss",
    "is_builtin",
    "is_name_of_loss",
    "is_of_keras",
    "loss_name",
    "other_keras_error",
    "serializable",
    "serialize",
]
