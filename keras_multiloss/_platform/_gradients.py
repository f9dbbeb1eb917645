"""How TensorFlow, JAX and PyTorch take the gradients of several losses."""

from __future__ import annotations

import contextlib
import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_multiloss._platform._keras import KERAS_3, backend, tensorflow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def task_tape() -> Any:
    """A context that records a training step, for `gradients_of`; what JAX does not need."""
    if backend() != "tensorflow":
        return contextlib.nullcontext()
    return tensorflow().GradientTape(persistent=True)


def gradients_of(losses: Sequence[Any], variables: Sequence[Any], tape: Any) -> list[list[Any]]:
    """The gradients of several losses; `None` where a loss does not depend on a variable.

    On PyTorch, the graph of the losses is freed.

    Args:
        losses: scalars, computed while `tape` recorded.
        variables: of Keras.
        tape: the context of `task_tape`.
    """
    if backend() == "tensorflow":
        tensors = [v.value if KERAS_3 else v for v in variables]
        with tape.stop_recording():
            return [_dense(tape.gradient(loss, tensors)) for loss in losses]
    tensors = [v.value for v in variables]
    last = max((i for i, loss in enumerate(losses) if loss.requires_grad), default=-1)
    return [_gradients_on_torch(loss, tensors, keep=i < last) for i, loss in enumerate(losses)]


def _gradients_on_torch(loss: Any, tensors: list[Any], *, keep: bool) -> list[Any]:
    """The gradients of one loss; `keep` says whether its graph serves another one."""
    if not loss.requires_grad:
        return [None] * len(tensors)
    autograd = importlib.import_module("torch").autograd
    return list(autograd.grad(loss, tensors, retain_graph=keep, allow_unused=True))


def _dense(gradients: list[Any]) -> list[Any]:
    """Gradients of embeddings as tensors like all others."""
    convert = tensorflow().convert_to_tensor
    return [None if g is None else convert(g) for g in gradients]


def gradients_of_function(
    losses: Callable[[Any], tuple[list[Any], Any]], values: Any
) -> tuple[list[list[Any]], Any]:
    """The gradients of what a function gives, and what else it gives (JAX only).

    The function is traced once, and what it does taken from there for each gradient; XLA then
    makes one forward pass of all.

    Args:
        losses: from values of variables to scalars, and something else.
        values: of the variables.

    Returns:
        A list for each loss, with `None` where it does not depend on a variable; and the rest.
    """
    jax = importlib.import_module("jax")
    once, _, shapes = _traced(losses, values)
    n_losses = len(shapes[0])

    def gradient(i: int, values: Any) -> Any:
        def loss(values: Any) -> Any:
            found, rest = once(values)
            return found[i], rest

        return jax.grad(loss, has_aux=True)(values)

    def all_gradients(values: Any) -> Any:
        first, rest = gradient(0, values)
        return [first, *(gradient(i, values)[0] for i in range(1, n_losses))], rest

    computed, jaxpr, _ = _traced(all_gradients, values)
    gradients, rest = computed(values)
    is_zero = iter([_is_zero(variable, jaxpr) for variable in jaxpr.outvars])
    return [[None if next(is_zero) else g for g in row] for row in gradients], rest


def _traced(function: Callable[[Any], Any], values: Any) -> tuple[Callable[[Any], Any], Any, Any]:
    """What a function does, as one without its Python code (JAX only).

    Returns:
        That function; its program; what it gives, as shapes.
    """
    jax = importlib.import_module("jax")
    traced, shapes = jax.make_jaxpr(function, return_shape=True)(values)

    def repeated(values: Any) -> Any:
        found = jax.core.eval_jaxpr(traced.jaxpr, traced.consts, *jax.tree.leaves(values))
        return jax.tree.unflatten(jax.tree.structure(shapes), found)

    return repeated, traced.jaxpr, shapes


def _is_zero(variable: Any, jaxpr: Any) -> bool:
    """Whether a traced gradient is the zero that stands for no dependence."""
    if hasattr(variable, "val"):  # a constant in the code
        return not np.any(variable.val)
    for equation in jaxpr.eqns:
        if variable in equation.outvars:
            is_filled = equation.primitive.name == "broadcast_in_dim"
            return is_filled and _is_zero(equation.invars[0], jaxpr)
    return False


def loss_scale(optimizer: Any) -> Any:
    """The factor by which an optimizer scales losses, and their gradients back, for float16."""
    if KERAS_3:
        return optimizer.scale_loss(1.0)
    return getattr(optimizer, "loss_scale", 1.0)
