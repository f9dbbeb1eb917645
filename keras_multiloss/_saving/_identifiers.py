"""Losses and rules from what users name them by."""

from __future__ import annotations

import inspect
from typing import Any, NamedTuple

from keras_multiloss._messages import described, error, suggestion, unknown_name
from keras_multiloss._platform import is_from_other_keras, keras
from keras_multiloss._saving._configs import (
    PACKAGE,
    deserialize,
    is_builtin,
    other_keras_error,
)
from keras_multiloss._saving._saveable import check_saveable


def get_loss(where: str, identifier: Any, *, argument: str = "loss") -> Any:
    """The loss object or loss function that an identifier stands for.

    Args:
        where: the name of the caller, for errors.
        identifier: the loss, or its name.
        argument: what the caller calls it, for errors.

    Raises:
        ValueError: if the name is unknown, or a file could not restore the loss.
        TypeError: if it is not a loss, or belongs to the other Keras.
    """
    if isinstance(identifier, str):
        return _loss_by_name(where, identifier)
    if is_from_other_keras(identifier):
        raise other_keras_error(where, argument, identifier)
    if not _is_loss(identifier):
        raise error(
            TypeError,
            where,
            f"`{argument}` is not a loss",
            expected="a Keras loss object, a name, a registered function or a JointLoss",
            received=described(identifier),
            hint="call the class to make an object" if isinstance(identifier, type) else None,
        )
    if hasattr(identifier, "term_losses"):
        raise error(
            TypeError,
            where,
            f"`{argument}` is itself a sum of terms",
            expected="the loss of one term",
            received=repr(identifier),
            hint="add sums up, term + sum, and give the mask to the terms",
        )
    check_saveable(where, argument, identifier)
    return identifier


class RuleNames(NamedTuple):
    """How the rules of a package are found by name.

    Args:
        base: the class of all rules.
        kind: what messages call one of them.
        source: the package, as users import it.
        by_name: the rules that need no arguments.
        short_names: other names of them, as papers have them.
        with_arguments: how to write the rules that need arguments.
    """

    base: type
    kind: str
    source: str
    by_name: dict[str, type]
    short_names: dict[str, str]
    with_arguments: dict[str, str]

    def rule(self, where: str, argument: str, identifier: Any) -> Any:
        """The rule that an object or a name stands for.

        Case and underscores of a name do not matter.

        Args:
            where: the name of the caller, for errors.
            argument: what the caller calls it, for errors.
            identifier: an object or a name.

        Raises:
            ValueError: if no rule has the name, or a file could not restore the object.
            TypeError: if it is neither a rule nor a name.
        """
        if isinstance(identifier, str):
            return self._named(where, argument, identifier)
        if not isinstance(identifier, self.base):
            raise error(
                TypeError,
                where,
                f"`{argument}` must be {self.kind}",
                expected=f"an object of `{self.source}`, or a name",
                received=described(identifier),
                hint="call the class to make an object" if isinstance(identifier, type) else None,
            )
        check_saveable(where, argument, identifier)
        return identifier

    def get(self, where: str, identifier: Any) -> Any:
        """The rule as Keras's `get` functions give it, also of a config, and `None` for `None`."""
        if identifier is None:
            return None
        return self.rule(where, "identifier", deserialize(where, identifier, None))

    def _named(self, where: str, argument: str, name: str) -> Any:
        names = {_plain(known): known for known in self.by_name}
        names |= {_plain(short): known for short, known in self.short_names.items()}
        names |= {_plain(cls.__name__): known for known, cls in self.by_name.items()}
        written = {_plain(known): text for known, text in self.with_arguments.items()}
        if _plain(name) in written:
            raise error(
                ValueError,
                where,
                f"`{argument}` names {self.kind} that needs arguments",
                expected="an object, or the name of one that needs none",
                received=repr(name),
                hint=f"write {self.source}.{written[_plain(name)]}",
            )
        if _plain(name) not in names:
            nearest = [*self.by_name, *self.short_names]
            raise unknown_name(
                where,
                f"`{argument}` does not name {self.kind}",
                name,
                self.by_name,
                hint=suggestion(name.lower(), nearest),
            )
        return self.by_name[names[_plain(name)]]()


def _plain(name: str) -> str:
    """A name without case, underscores and hyphens."""
    return name.lower().replace("_", "").replace("-", "")


def loss_name(loss: Any) -> str:
    """A short name of a loss object or a loss function."""
    return str(getattr(loss, "name", None) or getattr(loss, "__name__", "loss"))


def _loss_by_name(where: str, name: str) -> Any:
    loss = _known_by(name)
    if loss is None or not _is_loss(loss):
        raise error(
            ValueError,
            where,
            "no loss has this name",
            expected="the name of a Keras loss ('mse', 'binary_crossentropy', ...) or of a "
            "registered one ('package>name')",
            received=repr(name),
            hint=suggestion(name.lower(), _names_of_losses()),
        )
    return loss


def is_name_of_loss(name: Any) -> bool:
    """Whether a loss can be given by this name; any object but a string passes."""
    return not isinstance(name, str) or _known_by(name) is not None


def _names_of_losses() -> list[str]:
    """The names that losses of Keras and of this library have."""
    names = [*dir(keras.losses), "mse", "mae", "mape", "msle", "kld"]
    of_keras = [name for name in names if name.islower() and is_name_of_loss(name)]
    ours = [name for name in keras.saving.get_custom_objects() if name.startswith(PACKAGE)]
    return [*of_keras, *ours]


def _known_by(name: str) -> Any:
    """The loss of Keras, or the registered loss, that has a name; `None` if there is none."""
    try:
        if ">" not in name:
            return keras.losses.get(name)
        registered = keras.saving.get_registered_object(name)
        return registered() if isinstance(registered, type) else registered
    except (ValueError, TypeError):
        return None


def _is_loss(obj: Any) -> bool:
    """Whether an object is a loss, as far as can be seen without calling it."""
    if isinstance(obj, keras.losses.Loss):
        return type(obj) is not keras.losses.Loss  # which has no `call`
    if inspect.isfunction(obj):
        return not is_builtin(obj) or _is_loss_of_keras(obj)
    return (
        callable(obj)
        and not isinstance(obj, type)
        and not is_builtin(type(obj))
        and not isinstance(obj, (keras.layers.Layer, keras.metrics.Metric))
    )


def _is_loss_of_keras(function: Any) -> bool:
    arguments = list(inspect.signature(function).parameters)
    is_restored = _known_by(function.__name__) is function
    return is_restored and arguments[:2] == ["y_true", "y_pred"]
