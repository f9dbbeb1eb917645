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


def paused(tape: Any) -> Any:
    """A context in which a tape does not record what is done with its gradients."""
    return tape.stop_recording() if backend() == "tensorflow" else contextlib.nullcontext()


def gradients_of(losses: Sequence[Any], variables: Sequence[Any], tape: Any) -> list[list[Any]]:
    """The gradients of several losses; `None` where a loss does not depend on a variable.

    On PyTorch, the graph of the losses is freed.

    Args:
        losses: scalars, computed while `tape` recorded.
        variables: of Keras.
        tape: the context of `task_tape`, which no longer records.
    """
    if backend() == "tensorflow":
        tensors = [v.value if KERAS_3 else v for v in variables]
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


def gradient_of_weighted_sum(
    losses: Sequence[Any], weights: Any, variables: Sequence[Any], tape: Any, *, keep: bool
) -> list[Any]:
    """The gradient of a weighted sum of losses, by one backward pass.

    Args:
        losses: scalars, computed while `tape` recorded.
        weights: a vector with one number for each of them.
        variables: of Keras.
        tape: the context of `task_tape`, which no longer records.
        keep: whether the graph of the losses serves another pass (PyTorch only).
    """
    if backend() == "tensorflow":
        tensors = [v.value if KERAS_3 else v for v in variables]
        upstream = [weights[i] for i in range(len(losses))]
        return _dense(tape.gradient(list(losses), tensors, output_gradients=upstream))
    pairs = [(loss, weights[i]) for i, loss in enumerate(losses) if loss.requires_grad]
    tensors = [v.value for v in variables]
    if not pairs or not tensors:
        return [None] * len(tensors)
    autograd = importlib.import_module("torch").autograd
    options = {"retain_graph": keep, "allow_unused": True}
    outputs, own_weights = zip(*pairs, strict=True)
    return list(autograd.grad(outputs, tensors, own_weights, **options))


def _dense(gradients: list[Any]) -> list[Any]:
    """Gradients of embeddings as tensors like all others."""
    convert = tensorflow().convert_to_tensor
    return [None if g is None else convert(g) for g in gradients]


def reached_by(losses: Sequence[Any], variables: Sequence[Any], tape: Any) -> list[list[bool]]:
    """For each loss, which variables have a gradient of it; the graph stays.

    PyTorch tells by its graph. TensorFlow tells by gradients, which a compiled step leaves out.

    Args:
        losses: scalars, computed while `tape` recorded.
        variables: of Keras.
        tape: the context of `task_tape`, which no longer records.
    """
    if backend() != "torch":
        return [[g is not None for g in row] for row in gradients_of(losses, variables, tape)]
    leaves = [_leaves_on_torch(loss) for loss in losses]
    return [[id(v.value) in found for v in variables] for found in leaves]


def _leaves_on_torch(loss: Any) -> set[int]:
    """The tensors without a history on which a loss depends, by their identity."""
    front, seen, found = [loss.grad_fn], set(), set()
    while front:
        node = front.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        front += [before for before, _ in node.next_functions]
        if hasattr(node, "variable"):
            found.add(id(node.variable))
    return found


def gradients_of_function(
    losses: Callable[[Any], tuple[list[Any], Any]], values: Any
) -> tuple[list[list[Any]], Any]:
    """The gradients of what a function gives, and what else it gives (JAX only).

    Args:
        losses: from values of variables to scalars, and something else.
        values: of the variables.

    Returns:
        A list for each loss, with `None` where it does not depend on a variable; and the rest.
    """
    _, gradients = traced_gradients(losses, values)
    return gradients()


def traced_gradients(
    losses: Callable[[Any], tuple[list[Any], Any]], values: Any
) -> tuple[list[list[bool]], Callable[[], tuple[list[list[Any]], Any]]]:
    """The gradients of what a function gives, to be computed later (JAX only).

    The function is traced once, and what it does taken from there for each gradient; XLA then
    makes one forward pass of all.

    Args:
        losses: from values of variables to scalars, and something else.
        values: of the variables.

    Returns:
        For each loss, which variables have a gradient of it; and a function that gives the
        gradients, with `None` where there is none, and what else the function gives.
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

    repeated, jaxpr, of_all = _traced(all_gradients, values)
    zeros = iter([_is_zero(variable, jaxpr) for variable in jaxpr.outvars])
    reached = [[not next(zeros) for _ in row] for row in of_all[0]]

    def computed() -> tuple[list[list[Any]], Any]:
        gradients, rest = repeated(values)
        pairs = [
            zip(row, known, strict=True) for row, known in zip(gradients, reached, strict=True)
        ]
        return [[g if is_there else None for g, is_there in row] for row in pairs], rest

    return reached, computed


def gradients_of_weighted_sums(
    losses: Callable[[Any], tuple[list[Any], Any]], weightings: Sequence[Any], values: Any
) -> tuple[list[list[Any]], Any]:
    """The gradients of weighted sums of what a function gives, and what else it gives (JAX only).

    Args:
        losses: from values of variables to scalars, and something else.
        weightings: for each sum, a vector with one number for each scalar.
        values: of the variables.
    """
    jax = importlib.import_module("jax")
    found, gradient, rest = jax.vjp(losses, values, has_aux=True)
    n_losses = range(len(found))
    return [gradient([weights[i] for i in n_losses])[0] for weights in weightings], rest


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
