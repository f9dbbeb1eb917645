"""Tensors whose gradients were made elsewhere, in TensorFlow, JAX and PyTorch."""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING, Any

from keras_multiloss._platform._keras import backend, ops, tensorflow

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
    if backend() == "torch":
        joined = functools.partial(backward, step)
        copies = _torch_functions()["FanOut"].apply(joined, n_copies, *tensors)
    else:
        copies = _fan_out_traced(tuple(tensors), n_copies, step, backward)
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


def with_gradients(value: Any, tensors: Sequence[Any], gradients: Sequence[Any]) -> Any:
    """A scalar that has given gradients with respect to some tensors, whatever made it.

    Args:
        value: the scalar.
        tensors: values of variables.
        gradients: one for each tensor.
    """
    if backend() == "torch":
        return _torch_functions()["WithGradients"].apply(value.detach(), *tensors, *gradients)
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


@functools.cache
def _torch_functions() -> dict[str, Any]:
    """The classes that PyTorch needs, made once: a class is garbage that only `gc` collects.

    A class made in each step would keep alive what its methods refer to, such as activations.
    """
    torch = importlib.import_module("torch")

    class FanOut(torch.autograd.Function):  # type: ignore[name-defined]
        @staticmethod
        def forward(ctx: Any, joined: Any, n_copies: int, *tensors: Any) -> Any:
            ctx.joined, ctx.n_tensors = joined, len(tensors)
            return tuple(x.clone() for _ in range(n_copies) for x in tensors)

        @staticmethod
        def backward(ctx: Any, *upstream: Any) -> Any:
            return (None, None, *ctx.joined(_in_rows(upstream, ctx.n_tensors)))

    class WithGradients(torch.autograd.Function):  # type: ignore[name-defined]
        @staticmethod
        def forward(ctx: Any, value: Any, *tensors_and_gradients: Any) -> Any:
            n = len(tensors_and_gradients) // 2
            ctx.save_for_backward(*tensors_and_gradients[n:])
            return value.clone()

        @staticmethod
        def backward(ctx: Any, upstream: Any) -> Any:
            scaled = [upstream.to(g.dtype) * g for g in ctx.saved_tensors]
            return (None, *scaled, *(None for _ in scaled))

    return {"FanOut": FanOut, "WithGradients": WithGradients}
