"""A joint loss with inputs that fit it and its reference."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_multiloss import LossTerm, losses
from tests.losses import references

RNG = np.random.default_rng(5)


@dataclass(frozen=True)
class Case:
    """A joint loss, outputs and labels that fit it, and the same loss in NumPy.

    One output or label is given as a tensor, several as tuples, as in a term.

    Args:
        name: what the tests call it.
        loss: the loss.
        reference: `reference(label, *outputs)` gives the values of the samples in float64;
            `label` is a tuple where there are several.
        outputs: four samples each.
        extreme: outputs at the ends of their range.
        label: an array, a tuple of arrays or `None`.
        frozen: positions of the outputs that get no gradient.
        is_coupled: whether the value of a sample depends on the other samples.
        needs_labels: whether the loss refuses to do without its labels.
        takes_one_or_two: whether the loss takes one output as well as two.
    """

    name: str
    loss: losses.JointLoss
    reference: Callable[..., np.ndarray]
    outputs: tuple[np.ndarray, ...]
    extreme: tuple[np.ndarray, ...]
    label: Any = None
    frozen: tuple[int, ...] = ()
    is_coupled: bool = False
    needs_labels: bool = True
    takes_one_or_two: bool = False

    @property
    def labels(self) -> tuple[np.ndarray, ...]:
        """The labels, however many."""
        if self.label is None:
            return ()
        return self.label if isinstance(self.label, tuple) else (self.label,)

    @property
    def output_names(self) -> list[str]:
        return [f"output_{i}" for i in range(len(self.outputs))]

    @property
    def label_names(self) -> list[str]:
        return [f"label_{i}" for i in range(len(self.labels))]

    def term(self, prefix: str = "", **arguments: Any) -> LossTerm:
        """A term of the loss, by the names above."""
        outputs = as_given([prefix + name for name in self.output_names])
        labels = as_given([prefix + name for name in self.label_names])
        return LossTerm(self.loss, outputs, labels, **arguments)


def as_given(things: Any) -> Any:
    """One thing by itself, several as they are, none as `None`."""
    if not things:
        return None
    return things[0] if len(things) == 1 else things


def total(values: Any) -> Any:
    """What `call` gave, as one tensor: the sum of the parts of a loss that has parts."""
    if not isinstance(values, dict):
        return values
    first, *others = values.values()
    return sum(others, first)


def logits(*shape):
    return RNG.normal(size=shape)


def probabilities(*shape):
    return references.softmax(logits(*shape))


def chances(*shape):
    return references.sigmoid(logits(*shape))


def of_softmax(reference):
    return lambda label, *outputs: reference(label, *map(references.softmax, outputs))


def of_sigmoid(reference):
    return lambda label, *outputs: reference(label, *map(references.sigmoid, outputs))
