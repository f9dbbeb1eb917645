"""The base class of rules that combine task gradients into one."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_config
from keras_multiloss._messages import error
from keras_multiloss._platform import inner_products, ops, weighted_sum
from keras_multiloss._saving import arguments_of

State = dict[str, Any]


class Aggregator:
    r"""Base class of rules from task gradients to one gradient.

    $$d = J^\top w(G),\quad G = J J^\top$$

    where the rows of $J$ are the gradients $g_1, \dots, g_T$ of the tasks. Most rules see the
    Gramian $G$ only, the inner products of the gradients, which is small whatever the model;
    a rule with `needs_jacobian` sees the gradients themselves. A rule is a pure function of
    them and of its state, which the model owns, saves and restores. Twice the gradients give
    twice the result, so that loss scaling under mixed precision does no harm.

    A subclass implements `weights` (or `combine`, with `needs_jacobian`), and whatever else it
    needs. Register it with `@keras.saving.register_keras_serializable(package=...)`, and keep
    each argument of the constructor as an attribute of the same name.

    Shape:
        - jacobian: `(T, n)`, one gradient per row.
        - result: float32, `(n,)`.

    Raises:
        NotImplementedError: by `weights`, for a rule with `needs_jacobian`.

    Example:
        >>> import keras
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> @keras.saving.register_keras_serializable(package="docs")
        ... class ByProgress(kml.aggregation.Aggregator):
        ...     '''Weights each gradient by its task's share of the total progress.'''
        ...     def weights(self, gramian, state=None):
        ...         tasks = range(gramian.shape[0])
        ...         progress = sum(gramian[i] for i in tasks)
        ...         return progress / sum(progress[i] for i in tasks)
        >>> gradient = ByProgress()(np.array([[0.0, 3.0], [1.0, 0.0]]))
        >>> [round(float(x), 4) for x in gradient]
        [0.1, 2.7]
    """

    #: Whether the rule sees each entry of the gradients, and not only their Gramian.
    needs_jacobian = False

    #: Whether the rule sees the losses of the tasks.
    needs_losses = False

    def initial_state(self, n_tasks: int, n_parameters: int) -> dict[str, Any]:
        """The arrays that the rule remembers from step to step, as they are at the start.

        Besides them, the state holds `step`, the number of training steps before this one.

        Args:
            n_tasks: the number of rows of the Jacobian.
            n_parameters: the number of its columns.
        """
        del n_tasks, n_parameters
        return {}

    @property
    def has_state(self) -> bool:
        """Whether the rule remembers anything."""
        return bool(self.initial_state(2, 1))

    def advance(self, gradients: Any, losses: Any, state: State) -> State:
        """The state after seeing a training step, before `weights` or `combine`.

        Args:
            gradients: the Gramian `(T, T)`; the Jacobian `(T, n)` with `needs_jacobian`.
            losses: the losses of the tasks, `(T,)`; `None` without `needs_losses`.
            state: the state before.
        """
        del gradients, losses
        return state

    def weights(self, gramian: Any, state: State | None = None) -> Any:
        """The weight of each task gradient.

        Args:
            gramian: inner products of the task gradients, float32, `(T, T)`.
            state: what the rule remembers; by default what it starts with.

        Returns:
            float32, `(T,)`.
        """
        del gramian, state
        raise error(
            NotImplementedError,
            type(self).__name__,
            "its result is not a weighted sum of the gradients",
            expected="a rule that is a function of the Gramian",
            received="a rule that sees each entry of the gradients",
            hint="call the rule with the Jacobian",
        )

    def combine(self, jacobian: Any, state: State | None = None) -> Any:
        """The combined gradient `(n,)` of a float32 Jacobian `(T, n)`, for a state."""
        return weighted_sum(self.weights(inner_products(jacobian), state), jacobian)

    def __call__(self, jacobian: Any, state: State | None = None, losses: Any = None) -> Any:
        """The combined gradient of a step.

        Args:
            jacobian: the task gradients as rows, `(T, n)`.
            state: what the rule remembers; by default what it starts with.
            losses: the losses of the tasks, for a rule that sees them.

        Returns:
            float32, `(n,)`.
        """
        jacobian = ops.cast(ops.convert_to_tensor(jacobian), "float32")
        if state is None:
            state = self.starting_state(*jacobian.shape)
        seen = jacobian if self.needs_jacobian else inner_products(jacobian)
        return self.combine(jacobian, self.advance(seen, losses, state))

    def starting_state(self, n_tasks: int, n_parameters: int) -> State:
        """The state before the first step, as tensors."""
        initial = self.initial_state(n_tasks, n_parameters)
        state = {k: ops.convert_to_tensor(v, "float32") for k, v in initial.items()}
        return {**state, "step": ops.convert_to_tensor(0, "int32")}

    def get_config(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in arguments_of(type(self))}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Aggregator:
        return cls(**check_config(cls, config, arguments_of(cls)))

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"<{type(self).__name__}({arguments})>"


def step_of(state: State | None) -> Any:
    """The number of training steps before this one."""
    return 0 if state is None else state["step"]
