"""Loops that the compilers of TensorFlow and JAX keep as loops."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from keras_multiloss._platform._keras import backend, tensorflow

if TYPE_CHECKING:
    from collections.abc import Callable


def traced_once(*constants: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let JAX keep what it has compiled of a function, for each shape of its tensors.

    Called outside a compiled step, JAX compiles a loop again whenever its body is another Python
    function, as one inside another function always is. Within a step nothing changes.

    Args:
        *constants: names of arguments that are numbers, not tensors.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        if backend() != "jax":
            return function
        jit = importlib.import_module("jax").jit
        kept: Callable[..., Any] = jit(function, static_argnames=constants, inline=True)
        return kept

    return decorate


def fold_over_steps(
    function: Callable[[Any, tuple[Any, ...]], Any], state: Any, steps: tuple[Any, ...]
) -> Any:
    """The state after all steps, each of which makes a new one of the one before it.

    `keras.ops.scan` also keeps what it has after each step, and Keras 2 does not have it.

    Args:
        function: from a state and one entry of each of `steps` to a state of the same shape.
        state: the tensor to start with.
        steps: tensors whose first axis is that of the steps.

    Returns:
        The last state; that to start with if there are no steps.
    """
    if backend() == "tensorflow":
        return tensorflow().foldl(function, steps, state)
    if backend() == "jax":
        scan = importlib.import_module("jax").lax.scan
        return scan(lambda before, step: (function(before, step), None), state, steps)[0]
    for step in zip(*(tensor.unbind(0) for tensor in steps), strict=True):
        state = function(state, step)
    return state
