"""The training step that one writes without `fit`, on each backend.

It has no metrics: it returns the total loss alone. It is compiled as Keras compiles its own.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import keras

from benchmarks.machine import accelerator

if TYPE_CHECKING:
    from collections.abc import Callable

    #: From labels and outputs, dicts by name, to the total loss.
    Loss = Callable[[Any, Any], Any]
    #: From inputs and labels to the total loss.
    Step = Callable[[Any, Any], Any]


class ByHand:
    """An epoch of such steps, as a function without arguments that gives the seconds of a step."""

    def __init__(self, step: Step, x: Any, y: dict[str, Any], batch_size: int) -> None:
        self.step, self.x, self.y, self.batch_size = step, x, y, batch_size

    def __call__(self) -> float:
        ends = []
        for start in range(0, len(self.x), self.batch_size):
            rows = slice(start, start + self.batch_size)
            float(self.step(self.x[rows], {name: label[rows] for name, label in self.y.items()}))
            ends.append(time.perf_counter())
        return (ends[-1] - ends[0]) / (len(ends) - 1)


def step_by_hand(model: Any, loss: Loss) -> Step:
    """From a batch to its total loss; it changes the model."""
    model.compile("sgd")
    model.optimizer.build(model.trainable_variables)
    return STEPS[keras.backend.backend()](model, loss)


def tensorflow_step(model: Any, loss: Loss) -> Step:
    import tensorflow as tf

    @tf.function(jit_compile=model.jit_compile)
    def step(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            total = loss(y, model(x, training=True))
        gradients = tape.gradient(total, model.trainable_variables)
        model.optimizer.apply(gradients, model.trainable_variables)
        return total

    return step


def jax_step(model: Any, loss: Loss) -> Step:
    import jax

    @jax.jit
    def update(trainable: Any, others: Any, slots: Any, x: Any, y: Any) -> Any:
        def total_of(trainable: Any) -> Any:
            return loss(y, model.stateless_call(trainable, others, x, training=True)[0])

        total, gradients = jax.value_and_grad(total_of)(trainable)
        return total, *model.optimizer.stateless_apply(slots, gradients, trainable)

    state = [
        [variable.value for variable in variables]
        for variables in (model.trainable_variables, model.optimizer.variables)
    ]
    others = [variable.value for variable in model.non_trainable_variables]

    def step(x: Any, y: Any) -> Any:
        total, *state[:] = update(state[0], others, state[1], x, y)
        return total

    return step


def torch_step(model: Any, loss: Loss) -> Step:
    import torch

    device = "cpu" if accelerator() is None else "cuda"
    variables = model.trainable_variables

    def step(x: Any, y: Any) -> Any:
        y = {name: torch.as_tensor(label, device=device) for name, label in y.items()}
        total = loss(y, model(torch.as_tensor(x, device=device), training=True))
        model.zero_grad()
        total.backward()
        with torch.no_grad():
            model.optimizer.apply([variable.value.grad for variable in variables], variables)
        return total.detach()

    return step


STEPS = {"tensorflow": tensorflow_step, "jax": jax_step, "torch": torch_step}
