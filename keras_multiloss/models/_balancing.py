"""How a model balances the task gradients of the parameters that its tasks share.

Keras's own training step runs as it is, with whatever it does to gradients. The loss that it
differentiates has the value of the total loss, and gradients that were computed before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from keras_multiloss._backends import sum_over_replicas
from keras_multiloss._checks import error
from keras_multiloss._gradients import gradients_of, gradients_of_function, with_gradients
from keras_multiloss._keras import keras, loss_scale, n_replicas, ops, value_of
from keras_multiloss.aggregation import get
from keras_multiloss.aggregation._blocks import rows
from keras_multiloss.layers import GradientBalancer
from keras_multiloss.layers._aggregator_state import AggregatorState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from keras_multiloss.layers._step import Parts
    from keras_multiloss.losses import WeightedSumLoss


def check_has_no_aggregator(aggregator: Any, loss: Any) -> None:
    """Raise if there is an aggregator, but no total loss whose terms were the tasks."""
    if aggregator is not None:
        raise error(
            TypeError,
            "MultiLossModel.compile",
            "`aggregator` balances the terms of a total loss",
            expected="a WeightedSumLoss as `loss`",
            received=f"loss={loss!r}",
            hint="any loss goes with the layer kml.GradientBalancer",
        )


def state_for(model: Any, aggregator: Any, loss: WeightedSumLoss) -> AggregatorState | None:
    """What a rule remembers for a model; that of the same object is kept."""
    if aggregator is None:
        return None
    rule = get("MultiLossModel.compile", "aggregator", aggregator)
    check_balances_once(model)
    weights = loss.given_weights(0).values()
    n_tasks = sum(1 for weight in weights if not (isinstance(weight, float) and weight == 0.0))
    sizes = [int(np.prod(v.shape)) for v in model.trainable_variables] if model.built else []
    if not sizes and rule.has_state:
        raise error(
            ValueError,
            "MultiLossModel.compile",
            "the aggregator remembers the parameters of a model that has none yet",
            expected="a model that is built",
            received=repr(model),
            hint="call the model on a batch before you compile it",
        )
    state = getattr(model, "_aggregator_state", None)
    if state is not None and state.fits(rule, n_tasks, sum(sizes)):
        return state
    return AggregatorState(rule, n_tasks, sum(sizes))


def check_balances_once(model: Any) -> None:
    """Raise if gradients would be balanced by a layer as well."""
    for layer in _layers(model):
        if isinstance(layer, GradientBalancer):
            raise error(
                ValueError,
                "MultiLossModel.compile",
                "the gradients would be balanced twice",
                expected="an aggregator in `compile`, or a GradientBalancer in the model",
                received=f"`aggregator`, and the layer {layer.name!r}",
            )


def _layers(model: Any) -> Iterator[Any]:
    """The layers of a model and of the models inside it."""
    for layer in model.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from _layers(layer)


class Variables(NamedTuple):
    """What a model trains.

    Args:
        trained: all trainable variables.
        of_no_task: those of them that learn how to weigh the tasks.
    """

    trained: Sequence[Any]
    of_no_task: Sequence[Any]

    @classmethod
    def of(cls, model: Any) -> Variables:
        """Those of a model that is compiled with a total loss."""
        weights = getattr(model, "_term_weights", None)
        return cls(
            model.trainable_variables, [] if weights is None else weights.trainable_variables
        )

    def is_of_no_task(self, variable: Any) -> bool:
        """Whether a variable learns how to weigh the tasks."""
        return any(variable is other for other in self.of_no_task)


def balanced(
    total: Any,
    parts: Parts,
    variables: Variables,
    state: AggregatorState,
    tape: Any,
    scale: Any,
) -> Any:
    """The total loss, with balanced gradients of the variables that several terms share.

    Args:
        total: the total loss, scaled for distribution.
        parts: what it is the sum of.
        variables: what is trained.
        state: the aggregator with its state.
        tape: what recorded the step.
        scale: of the losses, for float16.
    """
    factor = scale / n_replicas()
    # A zero that does not depend on the parameters; `0.0 * total` costs one more backward pass.
    rest = sum(parts.rest.values(), start=ops.zeros_like(total))
    losses = [*parts.terms.values(), rest]
    gradients = gradients_of([factor * loss for loss in losses], variables.trained, tape)
    combined = combined_gradients(gradients, variables, state, losses[:-1])
    pairs = [(v, g) for v, g in zip(variables.trained, combined, strict=True) if g is not None]
    values = [value_of(v) for v, _ in pairs]
    return with_gradients(total, values, [g / ops.cast(scale, g.dtype) for _, g in pairs])


def combined_gradients(
    gradients: list[list[Any]],
    variables: Variables,
    state: AggregatorState,
    losses: Sequence[Any],
) -> list[Any]:
    """One gradient of each variable: balanced where several tasks share it, else the sum.

    A variable that nothing depends on has none, which is `None`.

    Args:
        gradients: for each task and, last, for all that belongs to none, those of each variable;
            `None` where there is none.
        variables: what is trained.
        state: the aggregator with its state.
        losses: the losses of the tasks.
    """
    *tasks, rest = gradients
    columns = list(zip(*tasks, strict=True))
    is_shared = [
        sum(g is not None for g in column) > 1 and not variables.is_of_no_task(variable)
        for variable, column in zip(variables.trained, columns, strict=True)
    ]
    blocks = [_block(c) for c, shared in zip(columns, is_shared, strict=True) if shared]
    sizes = [int(np.prod(v.shape)) for v in variables.trained]
    joined = iter(state.combine(blocks, sizes, is_shared, _global(losses)) if blocks else [])
    found = []
    for variable, column, shared, other in zip(
        variables.trained, columns, is_shared, rest, strict=True
    ):
        own = [next(joined) / n_replicas()] if shared else [g for g in column if g is not None]
        summands = [g for g in [*own, other] if g is not None]
        found.append(_sum_like(variable, summands) if summands else None)
    return found


def _block(column: Sequence[Any]) -> Any:
    """The gradients of a shared variable as rows, those of the global batch."""
    return sum_over_replicas(rows(column))


def _global(losses: Sequence[Any]) -> Any:
    return sum_over_replicas(ops.stack(list(losses)) / n_replicas())


def _sum_like(variable: Any, gradients: list[Any]) -> Any:
    shape = tuple(variable.shape)
    total = ops.zeros(shape, "float32")
    for gradient in gradients:
        total = total + ops.reshape(ops.cast(gradient, "float32"), shape)
    return ops.cast(total, variable.dtype)


def balanced_function(
    model: Any,
    compiled: Any,
    state: AggregatorState,
    loss_and_updates: Callable[[Any], Any],
    values: Any,
    optimizer_values: Any,
) -> Any:
    """What `compute_loss_and_updates` gives, with balanced gradients (JAX only).

    Args:
        model: the model.
        compiled: its total loss, whose parts are there once it was computed.
        state: the aggregator with its state.
        loss_and_updates: from values of the trainable variables to the loss, which the
            optimizer has scaled, and to all else that changes.
        values: those of the trainable variables.
        optimizer_values: those of the variables of the optimizer.
    """
    mapping = list(zip(model.optimizer.variables, optimizer_values, strict=True))
    with keras.StatelessScope(state_mapping=mapping):
        scale = loss_scale(model.optimizer)

    def parts(values: Any) -> Any:
        found = loss_and_updates(values)
        terms, rest = compiled.parts.terms, compiled.parts.rest
        losses = [*terms.values(), sum(rest.values(), start=0.0)]
        return [scale * loss for loss in losses], (losses, found)

    constant = [ops.stop_gradient(value) for value in values]
    gradients, (losses, found) = gradients_of_function(parts, constant)
    loss, (unscaled, y_pred, others, metrics) = found
    mapping = list(zip(model.non_trainable_variables, others, strict=True))
    with keras.StatelessScope(state_mapping=mapping) as scope:
        combined = combined_gradients(gradients, Variables.of(model), state, losses[:-1])
    others = [scope.get_current_value(v) for v in model.non_trainable_variables]
    pairs = [(v, g) for v, g in zip(values, combined, strict=True) if g is not None]
    return with_gradients(loss, *zip(*pairs, strict=True)), (unscaled, y_pred, others, metrics)
