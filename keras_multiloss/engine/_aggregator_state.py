"""What an aggregator remembers in a model that balances the gradients of its parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_multiloss._checks import check_config
from keras_multiloss._messages import error
from keras_multiloss._platform import add_counter, add_state, ops, weighted_sum
from keras_multiloss._saving import deserialize, serializable, serialize
from keras_multiloss.aggregation._jacobian_blocks import (
    combine_blocks,
    split_columns,
    weights_of_blocks,
)
from keras_multiloss.engine._state_layer import StateLayer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keras_multiloss.aggregation import Aggregator

#: Before the names of what the rule remembers.
RULE = "rule_"


@serializable
class AggregatorState(StateLayer):
    """An aggregator with its state and its count of training steps, saved with the model.

    What a rule remembers for each parameter has a place for every trainable parameter of the
    model, as only a training step tells which of them the tasks share.

    Args:
        aggregator: the rule.
        tasks: the names of the terms that are its tasks.
        n_parameters: the number of trainable parameters of the model.
        every_n_steps: the rule computes the weights of the tasks at every n-th step, and they are
            kept until the next.
        name: name of the layer.
        **kwargs: as for every Keras layer.
    """

    def __init__(
        self,
        aggregator: Aggregator,
        tasks: Sequence[str],
        n_parameters: int,
        every_n_steps: int = 1,
        name: str = "aggregator_state",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **{**kwargs, "dtype": "float32"})
        self.aggregator = aggregator
        self.tasks = list(tasks)
        self.n_parameters = n_parameters
        self.every_n_steps = every_n_steps
        self.step = add_counter(self, "step")
        n_tasks = len(self.tasks)
        initial = aggregator.initial_state(n_tasks, n_parameters)
        self.state = {k: add_state(self, k, np.asarray(v, "float32")) for k, v in initial.items()}
        self._kept = {} if every_n_steps == 1 else self._kept_at_first()
        longer = aggregator.initial_state(n_tasks, n_parameters + 1)
        self._wide = [k for k, v in initial.items() if np.shape(v) != np.shape(longer[k])]
        higher = aggregator.initial_state(n_tasks + 1, n_parameters)
        self._term_axes = {k: _axes_that_grow(v, higher[k]) for k, v in initial.items()}
        self.built = True

    def combine(
        self, blocks: Sequence[Any], sizes: Sequence[int], is_shared: Sequence[bool], losses: Any
    ) -> list[Any]:
        """The combined gradient of the shared parameters; the state moves on.

        Args:
            blocks: for each shared variable its gradients as rows, `(T, n)`.
            sizes: the number of parameters of each trainable variable.
            is_shared: which of these variables the tasks share.
            losses: the losses of the tasks, `(T,)`.
        """
        self.check_tasks(blocks[0].shape[0])
        before, places = self.values(), _Places(sizes, is_shared)
        narrow = self._narrow(before, places)
        joined, moved = combine_blocks(self.aggregator, blocks, narrow, losses)
        self.assign(self._moved(before, moved, places, is_sound=_are_finite(joined)))
        return joined

    def renewed(
        self,
        before: dict[str, Any],
        blocks: Sequence[Any],
        sizes: Sequence[int],
        is_shared: Sequence[bool],
        losses: Any,
    ) -> tuple[list[Any], dict[str, Any]]:
        """The combined gradient, as of `combine`, and the values after a turn of the rule.

        Args:
            before: the values before the step.
            blocks: as for `combine`.
            sizes: as for `combine`.
            is_shared: as for `combine`.
            losses: as for `combine`.
        """
        places = _Places(sizes, is_shared)
        narrow = self._narrow(before, places)
        weights, moved = weights_of_blocks(self.aggregator, blocks, narrow, losses)
        joined = [weighted_sum(weights, block) for block in blocks]
        is_sound = _are_finite(joined)
        left = ops.cast(ops.where(is_sound, self.every_n_steps - 1, 0), "int32")
        after = self._moved(before, moved, places, is_sound=is_sound)
        kept = ops.where(is_sound, weights, before["kept_weights"])
        return joined, {**after, "kept_weights": kept, "steps_left": left}

    def reused(self, before: dict[str, Any]) -> dict[str, Any]:
        """The values after a step that uses the weights that were kept."""
        left = before["steps_left"] - 1
        return {**before, "step": before["step"] + 1, "steps_left": left}

    def values(self) -> dict[str, Any]:
        """What the variables hold, by their names in files."""
        return {key: variable + 0 for key, variable in self.state_variables().items()}

    def assign(self, values: dict[str, Any]) -> None:
        """Set the variables."""
        for key, variable in self.state_variables().items():
            variable.assign(values[key])

    def _kept_at_first(self) -> dict[str, Any]:
        """The weights of the tasks, and for how many steps they are used."""
        weights = add_state(self, "kept_weights", np.zeros(len(self.tasks), "float32"))
        return {"kept_weights": weights, "steps_left": add_counter(self, "steps_left")}

    def _narrow(self, before: dict[str, Any], places: _Places) -> dict[str, Any]:
        """The state for the rule, which knows of shared parameters only."""
        state = {key: before[RULE + key] for key in self.state}
        state = {k: places.shared(v) if k in self._wide else v for k, v in state.items()}
        return {**state, "step": before["step"]}

    def _moved(
        self, before: dict[str, Any], moved: dict[str, Any], places: _Places, *, is_sound: Any
    ) -> dict[str, Any]:
        """The values after a turn of the rule."""
        after = {**before, "step": before["step"] + 1}
        for key in self.state:
            old, value = before[RULE + key], moved[key]
            if key in self._wide:
                value = places.merged(value, old)
            # Loss scaling skips a step that overflowed.
            after[RULE + key] = ops.where(is_sound, value, old)
        return after

    def take_over(self, before: StateLayer) -> None:
        """As of every layer of state; the weights are computed anew in the next step."""
        super().take_over(before)
        if self._kept:
            self._kept["steps_left"].assign(0)

    def fits(
        self, aggregator: Aggregator, tasks: Sequence[str], n_parameters: int, every_n_steps: int
    ) -> bool:
        """Whether this is the state of that very rule, for these tasks and as many parameters."""
        own = (self.tasks, self.n_parameters, self.every_n_steps)
        is_of_rule = self.aggregator is aggregator
        return is_of_rule and own == (list(tasks), n_parameters, every_n_steps)

    def check_tasks(self, n_tasks: int) -> None:
        """Raise if a task is missing that has its place in the state."""
        if (self.state or self._kept) and n_tasks != len(self.tasks):
            raise error(
                ValueError,
                "MultiLossModel.fit",
                "a term is missing, but the aggregator keeps state for all of them",
                expected=f"labels for all {len(self.tasks)} terms in every batch",
                received=f"{n_tasks} terms",
                hint="mark missing labels with `mask`, or use an aggregator without state (and "
                "without `every_n_steps`)",
            )

    def state_variables(self) -> dict[str, Any]:
        of_rule = {RULE + key: value for key, value in self.state.items()}
        return {"step": self.step, **of_rule, **self._kept}

    def state_terms(self) -> list[str]:
        return self.tasks

    def term_axes(self, key: str) -> list[int]:
        return [0] if key == "kept_weights" else self._term_axes.get(key.removeprefix(RULE), [])

    def get_config(self) -> dict[str, Any]:
        own = {"tasks": list(self.tasks), "n_parameters": self.n_parameters}
        own["every_n_steps"] = self.every_n_steps
        return {**super().get_config(), "aggregator": serialize(self.aggregator), **own}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> AggregatorState:
        own = ("aggregator", "tasks", "n_parameters")
        config = check_config(cls, config, [*config], required=own)
        rule = deserialize("AggregatorState: `aggregator`", config.pop("aggregator"), None)
        return cls(rule, **config)


def _are_finite(gradients: Sequence[Any]) -> Any:
    return ops.all(ops.stack([ops.all(ops.isfinite(g)) for g in gradients]))


def _axes_that_grow(value: Any, with_one_more: Any) -> list[int]:
    sizes = zip(np.shape(value), np.shape(with_one_more), strict=True)
    return [axis for axis, (size, more) in enumerate(sizes) if size != more]


class _Places:
    """Where the shared parameters are among all.

    Args:
        sizes: the number of parameters of each variable.
        is_shared: which variables are shared.
    """

    def __init__(self, sizes: Sequence[int], is_shared: Sequence[bool]) -> None:
        self.sizes = sizes
        self.is_shared = is_shared

    def shared(self, wide: Any) -> Any:
        """The part of the shared parameters."""
        parts = zip(split_columns(wide, self.sizes), self.is_shared, strict=True)
        return ops.concatenate([part for part, kept in parts if kept], axis=-1)

    def merged(self, narrow: Any, wide: Any) -> Any:
        """What was there, with the part of the shared parameters replaced."""
        sizes = [size for size, kept in zip(self.sizes, self.is_shared, strict=True) if kept]
        moved = iter(split_columns(narrow, sizes))
        parts = zip(split_columns(wide, self.sizes), self.is_shared, strict=True)
        return ops.concatenate([next(moved) if kept else part for part, kept in parts], axis=-1)
