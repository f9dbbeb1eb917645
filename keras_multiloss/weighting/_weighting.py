"""The base class of rules that set the weights of a sum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from keras_multiloss._checks import check_config
from keras_multiloss._platform import ops
from keras_multiloss._saving import arguments_of

if TYPE_CHECKING:
    from collections.abc import Callable

State = dict[str, Any]


class StateVariable(NamedTuple):
    """One variable of a rule's state, which a layer owns. Earlier versions called it `Slot`.

    Args:
        initial: the float32 value that it starts with: a number, or one entry for each term.
        trainable: whether the optimizer of the model trains it.
        constraint: a function from its value to one that is allowed, for what is trained.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> kml.weighting.StateVariable(np.zeros(3), trainable=True).trainable
        True
    """

    initial: Any
    trainable: bool = False
    constraint: Callable[[Any], Any] | None = None


class Weighting:
    r"""Base class of rules from term losses to weights.

    $$L = \sum_t f_t\, w_t\, \ell_t + p$$

    where $f_t$ is the weight given in the term, $w_t$ that of the rule and $p$ its penalty,
    logged as `weighting_loss`. A rule is a pure function of the losses $\ell$ and of its
    state; a layer of the host owns the state, saves it and restores it. The losses that a
    rule sees are those of the global batch and carry no gradient. A term whose weight or loss
    is 0 (switched off, or no label in the batch) is seen as a loss of 1, and its part of the
    state stays as it is; a step with a loss that is not finite changes no state.

    A subclass implements `weights`, and whatever else it needs. Register it with
    `@keras.saving.register_keras_serializable(package=...)`, and keep each argument of the
    constructor as an attribute of the same name.

    Shape:
        - losses: float32, `(T,)`, one for each term that a rule sees.
        - weights: float32, `(T,)`.
        - penalty: a float32 scalar.

    Raises:
        NotImplementedError: by `weights`, if a subclass does not implement it.

    Example:
        >>> import keras
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> @keras.saving.register_keras_serializable(package="docs")
        ... class InverseLossWeighting(kml.weighting.Weighting):
        ...     '''Each loss over its running mean, so that all terms are near 1.'''
        ...     def __init__(self, momentum=0.9):
        ...         self.momentum = momentum
        ...     def initial_state(self, names):
        ...         return {"mean": kml.weighting.StateVariable(np.ones(len(names)))}
        ...     def advance(self, losses, state):
        ...         mean = self.momentum * state["mean"] + (1 - self.momentum) * losses
        ...         return {**state, "mean": mean}
        ...     def weights(self, losses, state):
        ...         return 1 / state["mean"]
        >>> terms = kml.LossTerm("mse", "age") + kml.LossTerm("mae", "height")
        >>> loss = kml.WeightedSumLoss(terms, weighting=InverseLossWeighting())
        >>> loss.weighting.momentum
        0.9
    """

    #: Whether the rule adds a penalty, which is then logged.
    has_penalty = False

    #: Whether the weights depend on the losses; if not, they are known before the losses.
    needs_losses = True

    #: Whether users assign the weights while a model trains.
    is_assignable = False

    def initial_state(self, names: list[str]) -> dict[str, StateVariable]:
        """The variables of the rule; an entry of length `len(names)` belongs to the terms.

        Besides them, the state holds `step`, the number of training steps before this one.
        """
        del names
        return {}

    def start_epoch(self, state: State) -> State:
        """The state at the first step of an epoch, before `advance`."""
        return state

    def advance(self, losses: Any, state: State) -> State:
        """The state after seeing the losses of a training step, before `weights`."""
        del losses
        return state

    def weights(self, losses: Any, state: State) -> Any:
        """The weights, in training and in evaluation: one for each loss."""
        raise NotImplementedError(f"{type(self).__name__} has no `weights(losses, state)`.")

    def penalty(self, losses: Any, state: State) -> Any:
        """What the rule adds to the total loss."""
        del losses, state
        return ops.zeros(())

    def get_config(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in arguments_of(type(self))}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Weighting:
        return cls(**check_config(cls, config, arguments_of(cls)))

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"<{type(self).__name__}({arguments})>"


def for_each_term(names: list[str], value: float) -> Any:
    """An array with a value for each term."""
    return np.full(len(names), value, "float32")


def positive(losses: Any) -> Any:
    """The losses, none below 1e-8, so that logarithms and ratios stay finite."""
    return ops.maximum(losses, 1e-8)


def n_terms_of(losses: Any) -> Any:
    """The number of terms, as float32."""
    return ops.sum(ops.ones_like(losses))
