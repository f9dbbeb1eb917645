"""Objects that stay as they were built."""

from __future__ import annotations

from typing import Any

from keras_multiloss._messages import error


class Immutable:
    """Public attributes are set while an object is built, and never again.

    A model is compiled with what an object says at that time; a later change would show, but
    have no effect.
    """

    #: What to do in place of setting an attribute, for the message.
    hint_for_change = ""

    def _close(self) -> None:
        """End the building; the constructor calls it last."""
        self.__dict__["_is_closed"] = True

    def __setattr__(self, name: str, value: Any) -> None:
        if self.__dict__.get("_is_closed") and not name.startswith("_"):
            cls = type(self).__name__
            raise error(
                AttributeError,
                cls,
                f"`{name}` cannot be changed, as a model compiled with it would not notice",
                expected=f"a new {cls}, to compile the model with",
                received=f"{name} = {value!r}",
                hint=self.hint_for_change,
            )
        super().__setattr__(name, value)
