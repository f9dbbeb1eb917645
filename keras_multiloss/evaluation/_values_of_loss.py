"""What a loss gave: a tensor with one value or more for each sample, or a dict of such parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._messages import error
from keras_multiloss._platform import dtype_name, ops, outside_of_tracing
from keras_multiloss.evaluation._casting import tensors_in, to_tensor, with_tensors
from keras_multiloss.evaluation._parts import check_named_parts
from keras_multiloss.evaluation._shapes import Shape, static_shape

if TYPE_CHECKING:
    from collections.abc import Callable

#: Two batch sizes, and what stands for other axes of unknown length.
SIZES, OTHER_LENGTH = (3, 5), 4


def checked_values(
    where: str, values: Any, call: Callable[[Any, Any], Any], y_true: Any, y_pred: Any
) -> Any:
    """The values as a tensor, or as a dict of them; raises for values of pairs of samples.

    Args:
        where: the name of the caller, for errors.
        values: what the loss gave.
        call: the loss.
        y_true: the labels that it was given.
        y_pred: the outputs that it was given.
    """
    if isinstance(values, dict):
        check_named_parts(where, values)
        return {
            name: checked_values(f"{where}, part {name!r}", part, _part(call, name), y_true, y_pred)
            for name, part in values.items()
        }
    if values is None or isinstance(values, (tuple, list)):
        raise error(
            TypeError,
            where,
            "the loss did not give one tensor",
            expected="a tensor with one value per sample",
            received="None"
            if values is None
            else f"a {type(values).__name__} of {len(values)} parts",
            hint="return a tensor"
            if values is None
            else "add them up, or return a dict that gives each part a name, {'boxes': ...}",
        )
    values = to_tensor(values)
    if _may_be_of_pairs(values, tensors_in(y_pred)[0]):
        _check_only_batch_axis_grows(where, call, y_true, y_pred)
    return values


def _part(call: Callable[[Any, Any], Any], name: str) -> Callable[[Any, Any], Any]:
    """A function that gives one of the parts of a loss."""
    return lambda y_true, y_pred: call(y_true, y_pred)[name]


def _may_be_of_pairs(values: Any, output: Any) -> bool:
    """Whether an axis behind the first may be as long as the batch."""
    shape, of_output = static_shape(values), static_shape(output)
    if not shape or not of_output:
        return False
    n_samples = of_output[0]
    return n_samples != 1 and any(n is None or n == n_samples for n in shape[1:])


def _check_only_batch_axis_grows(
    where: str, call: Callable[[Any, Any], Any], y_true: Any, y_pred: Any
) -> None:
    """Raise if more than the first axis of the values is longer for a longer batch."""
    shapes = [_shape_at(size, call, y_true, y_pred) for size in SIZES]
    small, large = shapes
    if small is None or large is None or small[1:] == large[1:]:
        return
    raise error(
        ValueError,
        where,
        "the loss compares each sample with the others, by broadcasting",
        expected="one value per sample, whatever the size of the batch",
        received=f"values of shape {small} for {SIZES[0]} samples and {large} for {SIZES[1]}",
        hint=f"it was given {_shapes_in(y_true, 'no label')} and {_shapes_in(y_pred, 'no output')}"
        ": keep the axes of one alike, as by `ops.mean(..., keepdims=True)`; if pairs are meant, "
        "return their mean for each sample",
    )


def _shape_at(size: int, call: Callable[[Any, Any], Any], y_true: Any, y_pred: Any) -> Shape | None:
    """The shape of the values for a batch of zeros; `None` if the loss cannot take them."""
    with outside_of_tracing():
        try:
            return static_shape(to_tensor(call(_zeros(size, y_true), _zeros(size, y_pred))))
        except Exception:  # noqa: BLE001 (whatever a loss raises for zeros is no verdict)
            return None


def _zeros(size: int, side: Any) -> Any:
    """Zeros like labels or outputs, for a batch of another size."""
    zeros = []
    for tensor in tensors_in(side):
        shape = static_shape(tensor) or ()
        lengths = (size, *(OTHER_LENGTH if n is None else n for n in shape[1:])) if shape else ()
        zeros.append(ops.zeros(lengths, dtype_name(tensor)))
    return with_tensors(side, zeros)


def _shapes_in(side: Any, nothing: str) -> str:
    shapes = [("batch", *(static_shape(tensor) or ())[1:]) for tensor in tensors_in(side)]
    written = ["(" + ", ".join(map(str, shape)) + ")" for shape in shapes]
    return " and ".join(written) or nothing
