"""What an aggregator remembers in a model that balances the gradients of its parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_multiloss._checks import check_config
from keras_multiloss._messages import error
from keras_multiloss._platform import add_counter, add_state, ops
from keras_multiloss._saving import deserialize, serializable, serialize
from keras_multiloss.aggregation._jacobian_blocks import combine_blocks, split_columns
from keras_multiloss.engine._state_layer import StateLayer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keras_multiloss.aggregation import Aggregator


@serializable
class AggregatorState(StateLayer):
    """An aggregator with its state and its count of training steps, saved with the model.

    What a rule remembers for each parameter has a place for every trainable parameter of the
    model, as only a training step tells which of them the tasks share.

    Args:
        aggregator: the rule.
        tasks: the names of the terms that are its tasks.
        n_parameters: the number of trainable parameters of the model.
        name: name of the layer.
        **kwargs: as for every Keras layer.
    """

    def __init__(
        self,
        aggregator: Aggregator,
        tasks: Sequence[str],
        n_parameters: int,
        name: str = "aggregator_state",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **{**kwargs, "dtype": "float32"})
        self.aggregator = aggregator
        self.tasks = list(tasks)
        self.n_parameters = n_parameters
        self.step = add_counter(self, "step")
        n_tasks = len(self.tasks)
        initial = aggregator.initial_state(n_tasks, n_parameters)
        self.state = {k: add_state(self, k, np.asarray(v, "float32")) for k, v in initial.items()}
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
        self._check_tasks(blocks[0].shape[0])
        before = {**{k: v + 0 for k, v in self.state.items()}, "step": self.step + 0}
        places = _Places(sizes, is_shared)
        narrow = {k: places.shared(v) if k in self._wide else v for k, v in before.items()}
        joined, after = combine_blocks(self.aggregator, blocks, narrow, losses)
        is_sound = ops.all(ops.stack([ops.all(ops.isfinite(d)) for d in joined]))
        for key, variable in self.state.items():
            value = after[key]
            if key in self._wide:
                value = places.merged(value, before[key])
            # Loss scaling skips a step that overflowed.
            variable.assign(ops.where(is_sound, value, before[key]))
        self.step.assign(self.step + 1)
        return joined

    def fits(self, aggregator: Aggregator, tasks: Sequence[str], n_parameters: int) -> bool:
        """Whether this is the state of that very rule, for these tasks and as many parameters."""
        is_of_rule = self.aggregator is aggregator
        return is_of_rule and (self.tasks, self.n_parameters) == (list(tasks), n_parameters)

    def _check_tasks(self, n_tasks: int) -> None:
        if self.state and n_tasks != len(self.tasks):
            raise error(
                ValueError,
                "MultiLossModel.fit",
                "a term is missing, but the aggregator keeps state for all of them",
                expected=f"labels for all {len(self.tasks)} terms in every batch",
                received=f"{n_tasks} terms",
                hint="mark missing labels with `mask`, or use an aggregator without state",
            )

    def state_variables(self) -> dict[str, Any]:
        return {"step": self.step, **{f"rule_{key}": value for key, value in self.state.items()}}

    def state_terms(self) -> list[str]:
        return self.tasks

    def term_axes(self, key: str) -> list[int]:
        return self._term_axes.get(key.removeprefix("rule_"), [])

    def get_config(self) -> dict[str, Any]:
        own = {"tasks": list(self.tasks), "n_parameters": self.n_parameters}
        return {**super().get_config(), "aggregator": serialize(self.aggregator), **own}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> AggregatorState:
        own = ("aggregator", "tasks", "n_parameters")
        config = check_config(cls, config, [*config], required=own)
        rule = deserialize("AggregatorState: `aggregator`", config.pop("aggregator"), None)
        return cls(rule, **config)


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
