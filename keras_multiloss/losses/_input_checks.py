"""What joint losses ask of the outputs and labels that a term gives them."""

from __future__ import annotations

from typing import Any

from keras_multiloss._messages import error
from keras_multiloss._platform import ops
from keras_multiloss.evaluation import fits, static_shape


def check_roles(where: str, y_pred: Any, *roles: str) -> tuple[Any, ...]:
    """The outputs as a tuple; raises unless there is one for each role."""
    if isinstance(y_pred, (list, tuple)) and len(y_pred) == len(roles):
        return tuple(y_pred)
    raise error(
        ValueError,
        where,
        f"it needs {len(roles)} outputs",
        expected=f"the outputs ({', '.join(roles)}), in this order",
        received=_outputs_in_words(y_pred),
        hint=f"name them in a term: LossTerm({where}(), {list(roles)}, ...)",
    )


def check_one_output(where: str, y_pred: Any) -> Any:
    """The output; raises unless there is exactly one."""
    if not isinstance(y_pred, (list, tuple, dict)):
        return y_pred
    raise error(
        ValueError,
        where,
        "it needs one output",
        expected="one tensor",
        received=_outputs_in_words(y_pred),
        hint=f"name one output in a term: LossTerm({where}(), 'output', ...)",
    )


def check_several(where: str, y_pred: Any) -> tuple[Any, ...]:
    """The outputs as a tuple; raises unless there are two or more."""
    if isinstance(y_pred, (list, tuple)) and len(y_pred) >= 2:
        return tuple(y_pred)
    raise error(
        ValueError,
        where,
        "it needs several outputs",
        expected="two or more outputs",
        received=_outputs_in_words(y_pred),
        hint=f"name them in a term: LossTerm({where}(), ['a', 'b'], ...)",
    )


def check_one_shape(where: str, outputs: tuple[Any, ...]) -> None:
    """Raise unless all outputs have the shape of the first."""
    first = static_shape(outputs[0])
    for output in outputs[1:]:
        shape = static_shape(output)
        if first is not None and shape is not None and not fits(first, shape):
            raise error(
                ValueError,
                where,
                "its outputs differ in shape",
                expected=f"outputs of one shape, {first}",
                received=f"shape {shape}",
            )


def check_several_classes(where: str, output: Any, hint: str) -> None:
    """Raise for a distribution over a single class."""
    shape = static_shape(output)
    if shape is not None and shape[-1] == 1:
        raise error(
            ValueError,
            where,
            "its outputs are not distributions over the last axis",
            expected="two or more classes in the last axis",
            received=f"outputs of shape {shape}",
            hint=hint,
        )


def check_matrices(where: str, outputs: tuple[Any, ...]) -> None:
    """Raise unless each output has one vector per sample."""
    for output in outputs:
        shape = static_shape(output)
        if shape is not None and len(shape) != 2:
            raise error(
                ValueError,
                where,
                "an output is not one vector per sample",
                expected="outputs of shape (batch, n)",
                received=f"shape {shape}",
                hint="put a Flatten or a pooling layer before the output",
            )


def check_one_label(where: str, y_true: Any) -> Any:
    """The label as a tensor; raises unless there is exactly one."""
    if y_true is not None and not isinstance(y_true, (tuple, dict)):
        return y_true if ops.is_tensor(y_true) else ops.convert_to_tensor(y_true)
    raise error(
        ValueError,
        where,
        "it needs one label",
        expected="the name of a label, LossTerm(..., labels='label')",
        received="no label"
        if y_true is None
        else f"{len(y_true)} labels in a {_type_name(y_true)}",
        hint="by default, the `labels` of a term have the names of its outputs",
    )


def check_no_label(where: str, y_true: Any) -> None:
    """Raise if a term gives labels to a loss that takes none."""
    if y_true is not None and not (isinstance(y_true, (list, tuple, dict)) and not y_true):
        raise error(
            ValueError,
            where,
            "it takes no label",
            expected="a term without labels",
            received="labels",
            hint=f"LossTerm({where}(), ..., labels=None)",
        )


def check_labels(where: str, y_true: Any, *roles: str) -> tuple[Any, ...]:
    """The labels as a tuple of tensors; raises unless there is one for each role."""
    if isinstance(y_true, (list, tuple)) and len(y_true) == len(roles):
        return tuple(x if ops.is_tensor(x) else ops.convert_to_tensor(x) for x in y_true)
    given = f"{len(y_true)} labels" if isinstance(y_true, (list, tuple, dict)) else "one label"
    raise error(
        ValueError,
        where,
        f"it needs {len(roles)} labels",
        expected=f"the labels ({', '.join(roles)}), in this order",
        received="no label" if y_true is None else given,
        hint=f"name them in a term: LossTerm({where}(), ..., labels={list(roles)})",
    )


def one_number_a_sample(where: str, what: str, tensor: Any, like: Any = None) -> Any:
    """A tensor of shape `(batch,)` or `(batch, 1)` as `(batch,)`; raises if it is another.

    With `like`, it has as many samples as that tensor, as far as shapes are known.
    """
    shape = static_shape(tensor)
    if shape is None:
        return ops.reshape(tensor, (-1,))
    size = ((None if like is None else static_shape(like)) or (None,))[:1]
    if not any(fits(shape, (*size, *rest)) for rest in [(), (1,)]):
        batch = "batch" if size == (None,) else size[0]
        raise error(
            ValueError,
            where,
            f"{what} is not one number per sample",
            expected=f"shape ({batch},) or ({batch}, 1)",
            received=f"shape {shape}",
        )
    return ops.squeeze(tensor, -1) if len(shape) == 2 else tensor


def _outputs_in_words(y_pred: Any) -> str:
    if isinstance(y_pred, (list, tuple, dict)):
        return f"{len(y_pred)} in a {_type_name(y_pred)}"
    return f"one tensor of shape {static_shape(y_pred)}"


def _type_name(structure: Any) -> str:
    return type(structure).__name__
