"""How TensorFlow, JAX and PyTorch take gradients, and take those that were made elsewhere."""

from __future__ import annotations

import contextlib
import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_multiloss._keras import KERAS_3, backend, ops, tensorflow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Backward = Callable[[Any, list[list[Any]]], list[Any]]


def fan_out(tensors: Sequence[Any], n_copies: int, step: Any, backward: Backward) -> list[Any]:
    """Copies of some tensors, whose gradients a function joins into one.

    Args:
        tensors: one or more tensors.
        n_copies: how many copies.
        step: a float32 scalar that `backward` gets; it has no gradient.
        backward: from `step` and the gradients at each copy, a list for each tensor, to the
            gradient of each tensor.

    Returns:
        `n_copies` lists of tensors.
    """
    flat = _fan_out_torch if backend() == "torch" else _fan_out_traced
    copies = flat(tuple(tensors), n_copies, step, backward)
    return _in_rows(copies, len(tensors))


def _in_rows(flat: Sequence[Any], length: int) -> list[list[Any]]:
    return [list(flat[i : i + length]) for i in range(0, len(flat), length)]


def _fan_out_traced(
    tensors: tuple[Any, ...], n_copies: int, step: Any, backward: Backward
) -> Sequence[Any]:
    is_tensorflow = backend() == "tensorflow"
    module = tensorflow() if is_tensorflow else importlib.import_module("jax")

    @module.custom_gradient
    def copied(step: Any, *tensors: Any) -> Any:
        def gradient(*upstream: Any) -> Any:
            upstream = upstream if is_tensorflow else upstream[0]
            found = backward(step, _in_rows(upstream, len(tensors)))
            return (None if is_tensorflow else ops.zeros_like(step), *found)

        return tuple(x + 0 for _ in range(n_copies) for x in tensors), gradient

    return copied(step, *tensors)


def _fan_out_torch(
    tensors: tuple[Any, ...], n_copies: int, step: Any, backward: Backward
) -> Sequence[Any]:
    torch = importlib.import_module("torch")

    class FanOut(torch.autograd.Function):  # type: ignore[name-defined]
        @staticmethod
        def forward(ctx: Any, *tensors: Any) -> Any:  # noqa: ARG004 (of the interface)
            return tuple(x.clone() for _ in range(n_copies) for x in tensors)

        @staticmethod
        def backward(ctx: Any, *upstream: Any) -> Any:  # noqa: ARG004 (of the interface)
            return tuple(backward(step, _in_rows(upstream, len(tensors))))

    return FanOut.apply(*tensors)


def task_tape() -> Any:
    """A context that records a training step, for `gradients_of`; what JAX does not need."""
    if backend() != "tensorflow":
        return contextlib.nullcontext()
    return tensorflow().GradientTape(persistent=True)


def gradients_of(losses: Sequence[Any], variables: Sequence[Any], tape: Any) -> list[list[Any]]:
    """The gradients of several losses; `None` where a loss does not depend on a variable.

    Args:
        losses: scalars, computed while `tape` recorded.
        variables: of Keras.
        tape: the context of `task_tape`.
    """
    if backend() == "tensorflow":
        tensors = [v.value if KERAS_3 else v for v in variables]
        with tape.stop_recording():
            return [_dense(tape.gradient(loss, tensors)) for loss in losses]
    autograd = importlib.import_module("torch").autograd
    tensors = [v.value for v in variables]
    options = {"retain_graph": True, "allow_unused": True}
    return [
        list(autograd.grad(loss, tensors, **options))
        if loss.requires_grad
        else [None] * len(tensors)
        for loss in losses
    ]


def _dense(gradients: list[Any]) -> list[Any]:
    """Gradients of embeddings as tensors like all others."""
    convert = tensorflow().convert_to_tensor
    return [None if g is None else convert(g) for g in gradients]


def gradients_of_function(
    losses: Callable[[Any], tuple[list[Any], Any]], values: Any
) -> tuple[list[list[Any]], Any]:
    """The gradients of what a function gives, and what else it gives (JAX only).

    Each gradient traces the function anew; XLA then makes one forward pass of all.

    Args:
        losses: from values of variables to scalars, and something else.
        values: of the variables.

    Returns:
        A list for each loss, with `None` where it does not depend on a variable; and the rest.
    """
    jax = importlib.import_module("jax")

    n_losses = 0

    def gradient(i: int, values: Any) -> Any:
        def loss(values: Any) -> Any:
            nonlocal n_losses
            found, rest = losses(values)
            n_losses = len(found)
            return found[i], rest

        return jax.grad(loss, has_aux=True)(values)

    def all_gradients(values: Any) -> Any:
        first, rest = gradient(0, values)
        return [first, *(gradient(i, values)[0] for i in range(1, n_losses))], rest

    traced, shapes = jax.make_jaxpr(all_gradients, return_shape=True)(values)
    results = jax.core.eval_jaxpr(traced.jaxpr, traced.consts, *jax.tree.leaves(values))
    gradients, rest = jax.tree.unflatten(jax.tree.structure(shapes), results)
    is_zero = iter([_is_zero(variable, traced.jaxpr) for variable in traced.jaxpr.outvars])
    return [[None if next(is_zero) else g for g in row] for row in gradients], rest


def _is_zero(variable: Any, jaxpr: Any) -> bool:
    """Whether a traced gradient is the zero that stands for no dependence."""
    if hasattr(variable, "val"):  # a constant in the code
        return not np.any(variable.val)
    for equation in jaxpr.eqns:
        if variable in equation.outvars:
            is_filled = equation.primitive.name == "broadcast_in_dim"
            return is_filled and _is_zero(equation.invars[0], jaxpr)
    return False


def with_gradients(value: Any, tensors: Sequence[Any], gradients: Sequence[Any]) -> Any:
    """A scalar that has given gradients with respect to some tensors, whatever made it.

    Args:
        value: the scalar.
        tensors: values of variables.
        gradients: one for each tensor.
    """
    if backend() == "torch":
        return _with_gradients_torch(value, tensors, gradients)
    is_tensorflow = backend() == "tensorflow"
    module = tensorflow() if is_tensorflow else importlib.import_module("jax")

    @module.custom_gradient
    def joined(value: Any, gradients: Any, *tensors: Any) -> Any:  # noqa: ARG001
        def gradient(upstream: Any) -> Any:
            scaled = [ops.cast(upstream, g.dtype) * g for g in gradients]
            if is_tensorflow:
                return (None, *(None for _ in gradients), *scaled)
            return (ops.zeros_like(value), [ops.zeros_like(g) for g in gradients], *scaled)

        return value + 0, gradient

    return joined(value, list(gradients), *tensors)


def _with_gradients_torch(value: Any, tensors: Sequence[Any], gradients: Sequence[Any]) -> Any:
    torch = importlib.import_module("torch")

    class WithGradients(torch.autograd.Function):  # type: ignore[name-defined]
        @staticmethod
        def forward(ctx: Any, *tensors: Any) -> Any:  # noqa: ARG004 (of the interface)
            return value.detach().clone()

        @staticmethod
        def backward(ctx: Any, upstream: Any) -> Any:  # noqa: ARG004 (of the interface)
            return tuple(upstream.to(g.dtype) * g for g in gradients)

    return WithGradients.apply(*tensors)
