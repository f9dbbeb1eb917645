"""The inner products of a model's task gradients, measured without training it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_multiloss._platform import (
    backend,
    compiled_function,
    gradients_of,
    gradients_of_function,
    inner_products,
    keras,
    ops,
    task_tape,
    value_of,
)
from keras_multiloss.aggregation import stacked_gradients
from keras_multiloss.evaluation import divisors_of
from keras_multiloss.spec import weighted_losses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keras_multiloss.spec import Batch


class TaskGramian:
    """Measures the Gramian of a model's task gradients on one batch after another.

    The tasks are the terms of the total loss, with their current weights. Their
    gradients are those with respect to the parameters that more than one term reaches, in
    inference mode: dropout is off and a `GradientBalancer` does nothing.

    Args:
        model: a model that is compiled with a `WeightedSumLoss`.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.loss = model.loss
        self._measure = compiled_function(self._on_jax if backend() == "jax" else self._on_tape)

    def __call__(self, x: Any, y: Any, sample_weight: Any = None) -> Any:
        """The Gramian as an array `(T, T)`, in the order of the terms; 0 for a missing term."""
        weights = np.array([self.model.term_weights[n] for n in self.loss.task_names], "float32")
        batch = (x, y, sample_weight, weights)
        if backend() == "jax":
            trained = [value_of(v) for v in self.model.trainable_variables]
            others = [value_of(v) for v in self.model.non_trainable_variables]
            return np.array(self._measure(trained, others, *batch))
        return np.array(ops.convert_to_numpy(self._measure(*batch)))

    def _on_tape(self, x: Any, y: Any, sample_weight: Any, weights: Any) -> Any:
        with task_tape() as tape:
            losses = self._losses(self.model.named_batch(x, y, sample_weight), weights)
        return _gramian(gradients_of(losses, self.model.trainable_variables, tape))

    def _on_jax(
        self, trained: Any, others: Any, x: Any, y: Any, sample_weight: Any, weights: Any
    ) -> Any:
        def losses(values: Any) -> Any:
            variables = [*self.model.trainable_variables, *self.model.non_trainable_variables]
            mapping = list(zip(variables, [*values, *others], strict=True))
            # `stateless_call` insists on a `call` that takes `training`.
            with keras.StatelessScope(state_mapping=mapping):
                batch = self.model.named_batch(x, y, sample_weight)
            return self._losses(batch, weights), None

        return _gramian(gradients_of_function(losses, trained)[0])

    def _losses(self, batch: Batch, weights: Any) -> list[Any]:
        """The weighted loss of each task, 0 for one that is not there."""
        state = self.model.term_weight_state()
        reduced = self.loss.tasks.reduced(batch, {} if state is None else state.weights_of_parts())
        divisors = divisors_of(list(reduced.values()))
        found = {
            name: weighted_losses(
                one.total / divisors[i], weights[self.loss.task_names.index(name)]
            )
            for i, (name, one) in enumerate(reduced.items())
        }
        return [found.get(name, ops.zeros(())) for name in self.loss.task_names]


def _gramian(gradients: Sequence[Sequence[Any]]) -> Any:
    """The Gramian of the gradients of each task, over the variables that tasks share."""
    gramian = ops.zeros((len(gradients), len(gradients)))
    for column in zip(*gradients, strict=True):
        if sum(g is not None for g in column) > 1:
            gramian = gramian + inner_products(stacked_gradients(column))
    return gramian
