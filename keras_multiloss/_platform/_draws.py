"""Random numbers that are functions of a seed and a step."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from keras_multiloss._platform._keras import backend, ops, tensorflow


def uniform(shape: tuple[int, ...], *, seed: int, step: Any) -> Any:
    """Float32 numbers above 0 and up to 1, a function of a seed and a step, on one backend.

    Each backend has a generator of its own. `keras.random` takes no step: its generators own a
    variable, which a loss cannot.
    """
    if backend() == "tensorflow":
        tf = tensorflow()
        seeds = tf.stack([seed, tf.cast(step, "int32")])
        return 1.0 - tf.random.stateless_uniform(shape, seed=seeds)
    if backend() == "jax":
        random = importlib.import_module("jax").random
        return 1.0 - random.uniform(random.fold_in(random.key(seed), step), shape)
    # A generator of PyTorch keeps 32 bits of its seed, too few for two numbers.
    drawn = np.random.default_rng([seed, int(step)]).random(shape, dtype="float32")
    return ops.convert_to_tensor(1.0 - drawn)


def normal(shape: tuple[int, ...], *, seed: int, step: Any) -> Any:
    """Normally distributed float32 numbers, a function of a seed and a step, on one backend."""
    drawn = uniform((2, *shape), seed=seed, step=step)  # turned into them by Box and Muller
    return ops.sqrt(-2.0 * ops.log(drawn[0])) * ops.cos(2.0 * np.pi * drawn[1])
