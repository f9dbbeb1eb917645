"""The `aggregator` that a model is compiled with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_multiloss._checks import check_count
from keras_multiloss._messages import error
from keras_multiloss._platform import layers_within
from keras_multiloss._saving import deserialize, serialize
from keras_multiloss.aggregation import checked_aggregator
from keras_multiloss.engine import AggregatorState
from keras_multiloss.layers import GradientBalancer

if TYPE_CHECKING:
    from keras_multiloss.aggregation import Aggregator
    from keras_multiloss.spec import WeightedSumLoss


def check_has_no_aggregator(balancing: dict[str, Any], loss: Any) -> None:
    """Raise if there is an aggregator, but no total loss whose terms were the tasks."""
    if balancing["aggregator"] is None:
        _check_every_step(balancing["every_n_steps"])
    else:
        raise error(
            TypeError,
            "MultiLossModel.compile",
            "`aggregator` balances the terms of a total loss",
            expected="a WeightedSumLoss as `loss`",
            received=f"loss={loss!r}",
            hint="the layer kml.GradientBalancer works with any loss",
        )


def _check_every_step(every_n_steps: Any) -> None:
    """Raise if steps are counted, but there is no aggregator."""
    if every_n_steps != 1:
        raise error(
            ValueError,
            "MultiLossModel.compile",
            "`every_n_steps` says how often an aggregator computes its weights",
            expected="an `aggregator` beside it",
            received=f"aggregator=None, every_n_steps={every_n_steps!r}",
        )


def aggregator_state(
    model: Any,
    loss: WeightedSumLoss,
    before: AggregatorState | None,
    *,
    aggregator: Any,
    every_n_steps: Any,
) -> AggregatorState | None:
    """What a rule remembers for a model; the same object goes on, for the terms that stay.

    Args:
        model: the model.
        loss: the total loss.
        before: what the model had until now.
        aggregator: the rule or its name; `None` for none.
        every_n_steps: how often the rule computes the weights of the tasks.
    """
    where = "MultiLossModel.compile"
    every_n_steps = check_count(where, "every_n_steps", every_n_steps)
    if aggregator is None:
        _check_every_step(every_n_steps)
        return None
    rule = checked_aggregator(where, "aggregator", aggregator)
    if every_n_steps > 1:
        _check_gives_weights(rule, every_n_steps)
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
    if before is not None and before.fits(rule, tasks, sum(sizes), every_n_steps):
        return before
    state = AggregatorState(rule, tasks, sum(sizes), every_n_steps)
    if before is not None and before.aggregator is rule:
        state.take_over(before)
    return state


def _check_gives_weights(rule: Aggregator, every_n_steps: int) -> None:
    """Raise if a rule has no weights of tasks that could be kept."""
    if rule.needs_jacobian:
        raise error(
            ValueError,
            "MultiLossModel.compile",
            "the aggregator has no weights that could be kept from step to step",
            expected="a rule that is a function of the Gramian, such as 'upgrad'",
            received=f"{rule!r}, every_n_steps={every_n_steps}",
            hint="it sees each entry of the gradients at every step; leave `every_n_steps` out",
        )


def aggregator_config(state: AggregatorState) -> dict[str, Any]:
    """What the compile config has for an aggregator."""
    return {"aggregator": serialize(state.aggregator), "every_n_steps": state.every_n_steps}


def aggregator_from_config(config: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `compile` that a compile config has, and no longer has then.

    Old ones lack `every_n_steps`.
    """
    rule = deserialize("MultiLossModel: `aggregator`", config.pop("aggregator", None), None)
    return {"aggregator": rule, "every_n_steps": config.pop("every_n_steps", 1)}


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
