"""What the losses that TensorFlow Addons left behind have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from keras_multiloss._checks import check_choice
from keras_multiloss._platform import HAS_ADDONS, dtype_name, is_tensor, keras, ops
from keras_multiloss._saving import serializable
from keras_multiloss.evaluation import match, to_tensor

if TYPE_CHECKING:
    from collections.abc import Callable

    from keras_multiloss.evaluation import Kind

#: `"auto"` is what files of Keras 2 have for the mean over the batch.
REDUCTIONS = ["auto", "sum_over_batch_size", "sum", "none"]
AddonsReduction = Literal["auto", "sum_over_batch_size", "sum", "none"]


def from_addons(kind: Kind) -> Callable[[Any], Any]:
    """Register a class or function, also under its name in files of TensorFlow Addons.

    Where the real package is installed, that name is left to it.

    Args:
        kind: what the loss asks of the shapes of its label and its output.
    """

    def register(target: Any) -> Any:
        target.kind = kind
        if not HAS_ADDONS:
            keras.saving.get_custom_objects()[f"Addons>{target.__name__}"] = target
        return serializable(target)

    return register


class AddonsLoss(keras.losses.Loss):
    """A loss object over a function of one label, one output and the loss's arguments.

    A subclass sets `function` and names its arguments, which are attributes, in `arguments`.
    """

    function: ClassVar[Callable[..., Any]]
    arguments: ClassVar[tuple[str, ...]] = ()
    kind: ClassVar[Kind]

    def __init__(self, *, reduction: str, name: str | None) -> None:
        check_choice(type(self).__name__, "reduction", reduction, REDUCTIONS)
        is_mean = reduction == "auto"
        super().__init__(reduction="sum_over_batch_size" if is_mean else reduction, name=name)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        y_true, y_pred = to_tensor(y_true), to_tensor(y_pred)
        y_true, y_pred = match(type(self).__name__, self.kind, y_true, y_pred)
        return type(self).function(y_true, y_pred, **self._arguments())

    def _arguments(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.arguments}

    def get_config(self) -> dict[str, Any]:
        own = {"name": self.name, "reduction": self.reduction}
        return {**super().get_config(), **own, **self._arguments()}


def as_float(x: Any) -> Any:
    """A tensor of floating point numbers: others become float32."""
    x = to_tensor(x)
    return x if "float" in dtype_name(x) else ops.cast(x, "float32")


def at_least_float32(x: Any) -> Any:
    """The tensor in a precision that sums and exponentials can be computed in."""
    x = as_float(x)
    return x if dtype_name(x) == "float64" else ops.cast(x, "float32")


def in_working_precision(y_true: Any, y_pred: Any) -> tuple[Any, Any, str]:
    """A label and an output in the precision to compute with, and the dtype of the result."""
    y_pred = as_float(y_pred)
    working = at_least_float32(y_pred)
    return ops.cast(to_tensor(y_true), dtype_name(working)), working, dtype_name(y_pred)


def without_tensor(value: Any) -> Any:
    """A tensor or array of one number as that number, which a file can hold."""
    is_scalar = is_tensor(value) and tuple(value.shape) == ()
    return ops.convert_to_numpy(value).item() if is_scalar else value
