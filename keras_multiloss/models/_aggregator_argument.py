"""The `aggregator` that a model is compiled with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_multiloss._messages import error
from keras_multiloss._platform import layers_within
from keras_multiloss.aggregation import checked_aggregator
from keras_multiloss.engine import AggregatorState
from keras_multiloss.layers import GradientBalancer

if TYPE_CHECKING:
    from keras_multiloss.spec import WeightedSumLoss


def check_has_no_aggregator(aggregator: Any, loss: Any) -> None:
    """Raise if there is an aggregator, but no total loss whose terms were the tasks."""
    if aggregator is not None:
        raise error(
            TypeError,
            "MultiLossModel.compile",
            "`aggregator` balances the terms of a total loss",
            expected="a WeightedSumLoss as `loss`",
            received=f"loss={loss!r}",
            hint="the layer kml.GradientBalancer works with any loss",
        )


def aggregator_state(
    model: Any, aggregator: Any, loss: WeightedSumLoss, before: AggregatorState | None
) -> AggregatorState | None:
    """What a rule remembers for a model; the same object goes on, for the terms that stay.

    Args:
        model: the model.
        aggregator: the rule or its name; `None` for none.
        loss: the total loss.
        before: what the model had until now.
    """
    if aggregator is None:
        return None
    rule = checked_aggregator("MultiLossModel.compile", "aggregator", aggregator)
    check_balances_once(model)
    tasks = loss.given_weights.active
    sizes = [int(np.prod(v.shape)) for v in model.trainable_variables] if model.built else []
    if not sizes and rule.has_state:
        raise error(
            ValueError,
            "MultiLossModel.compile",
            "the aggregator keeps state for each parameter, and the model has none yet",
            expected="a model that is built",
            received=repr(model),
            hint="call the model on a batch before you compile it",
        )
    if before is not None and before.fits(rule, tasks, sum(sizes)):
        return before
    state = AggregatorState(rule, tasks, sum(sizes))
    if before is not None and before.aggregator is rule:
        state.take_over(before)
    return state


def check_balances_once(model: Any) -> None:
    """Raise if gradients would be balanced by a layer as well."""
    for layer in layers_within(model):
        if isinstance(layer, GradientBalancer):
            raise error(
                ValueError,
                "MultiLossModel.compile",
                "the gradients would be balanced twice",
                expected="an aggregator in `compile`, or a GradientBalancer in the model",
                received=f"`aggregator`, and the layer {layer.name!r}",
            )
