"""What an aggregator remembers in a model that balances the gradients of its parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_multiloss._checks import error
from keras_multiloss._keras import add_counter, add_state, keras, ops
from keras_multiloss._serialization import deserialize, serializable, serialize
from keras_multiloss.aggregation._blocks import combine, split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keras_multiloss.aggregation import Aggregator


@serializable
class AggregatorState(keras.layers.Layer):
    """An aggregator with its state and its count of training steps, saved with the model.

    What a rule remembers of each parameter has a place for every trainable parameter of the
    model, as only a training step tells which of them the tasks share.

    Args:
        aggregator: the rule.
        n_tasks: the number of tasks.
        n_parameters: the number of trainable parameters of the model.
        name: name of the layer.
        **kwargs: as for every Keras layer.
    """

    def __init__(
        self,
        aggregator: Aggregator,
        n_tasks: int,
        n_parameters: int,
        name: str = "aggregator_state",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **{**kwargs, "dtype": "float32"})
        self.aggregator = aggregator
        self.n_tasks = n_tasks
        self.n_parameters = n_parameters
        self.step = add_counter(self, "step")
        initial = aggregator.initial_state(n_tasks, n_parameters)
        self.state = {k: add_state(self, k, np.asarray(v, "float32")) for k, v in initial.items()}
        longer = aggregator.initial_state(n_tasks, n_parameters + 1)
        self._wide = [k for k, v in initial.items() if np.shape(v) != np.shape(longer[k])]
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
        joined, after = combine(self.aggregator, blocks, narrow, losses)
        is_sound = ops.all(ops.stack([ops.all(ops.isfinite(d)) for d in joined]))
        for key, variable in self.state.items():
            value = after[key]
            if key in self._wide:
                value = places.merged(value, before[key])
            # A step that overflowed is one that the loss scale skips.
            variable.assign(ops.where(is_sound, value, before[key]))
        self.step.assign(self.step + 1)
        return joined

    def fits(self, aggregator: Aggregator, n_tasks: int, n_parameters: int) -> bool:
        """Whether this is what that very rule remembers of as many tasks and parameters."""
        sizes = (self.n_tasks, self.n_parameters)
        return self.aggregator is aggregator and sizes == (n_tasks, n_parameters)

    def _check_tasks(self, n_tasks: int) -> None:
        if self.state and n_tasks != self.n_tasks:
            raise error(
                ValueError,
                "MultiLossModel.fit",
                "a term is missing, but the aggregator remembers all of them",
                expected=f"labels for all {self.n_tasks} terms in every batch",
                received=f"{n_tasks} terms",
                hint="mark missing labels by `mask`, or take an aggregator without state",
            )

    def load_own_variables(self, store: Any) -> None:
        """Weights of a model that balanced nothing leave the state as it is."""
        if len(store.keys()):
            super().load_own_variables(store)

    def get_config(self) -> dict[str, Any]:
        sizes = {"n_tasks": self.n_tasks, "n_parameters": self.n_parameters}
        return {**super().get_config(), "aggregator": serialize(self.aggregator), **sizes}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> AggregatorState:
        config = dict(config)
        rule = deserialize("AggregatorState: `aggregator`", config.pop("aggregator"), None)
        return cls(rule, **config)


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
        parts = zip(split(wide, self.sizes), self.is_shared, strict=True)
        return ops.concatenate([part for part, kept in parts if kept], axis=-1)

    def merged(self, narrow: Any, wide: Any) -> Any:
        """What was there, with the part of the shared parameters replaced."""
        sizes = [size for size, kept in zip(self.sizes, self.is_shared, strict=True) if kept]
        moved = iter(split(narrow, sizes))
        parts = zip(split(wide, self.sizes), self.is_shared, strict=True)
        return ops.concatenate([next(moved) if kept else part for part, kept in parts], axis=-1)
