"""What a `ConflictMonitor` can measure, checked with messages of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._messages import error
from keras_multiloss.aggregation import checked_aggregator
from keras_multiloss.models import MultiLossMixin

if TYPE_CHECKING:
    from keras_multiloss.aggregation import Aggregator


def checked_data(data: Any) -> tuple[Any, ...]:
    """The batch as a tuple; raises unless it has inputs and labels."""
    if isinstance(data, (list, tuple)) and len(data) in {2, 3}:
        return tuple(data)
    raise error(
        TypeError,
        "ConflictMonitor",
        "`data` is not a batch",
        expected="(x, y) or (x, y, sample_weight)",
        received=_type_and_length(data),
        hint="next(iter(dataset)) is the first batch of a dataset",
    )


def _type_and_length(data: Any) -> str:
    """The type of what may be far too long to print."""
    length = f" of {len(data)}" if isinstance(data, (list, tuple, dict)) else ""
    return f"{type(data).__name__}{length}"


def rule_of_gramian(aggregator: Any) -> Aggregator | None:
    """The rule that an object or a name stands for; raises unless a Gramian is all it needs."""
    if aggregator is None:
        return None
    rule = checked_aggregator("ConflictMonitor", "aggregator", aggregator)
    if _needs_gramian_only(rule):
        return rule
    raise error(
        TypeError,
        "ConflictMonitor",
        "the rule needs more than the Gramian",
        expected="a rule that is a function of the Gramian, without state, such as 'upgrad'",
        received=repr(rule),
        hint="leave `aggregator` out to monitor a model that is compiled with this rule",
    )


def rule_of(model: Any) -> Aggregator | None:
    """The rule that a model is compiled with, if a Gramian is all it needs."""
    state = model.aggregator_state()
    if state is None or not _needs_gramian_only(state.aggregator):
        return None
    return state.aggregator


def _needs_gramian_only(rule: Aggregator) -> bool:
    return not (rule.has_state or rule.needs_losses or rule.needs_jacobian)


def names_of_tasks(model: Any) -> list[str]:
    """The terms of a model's total loss; raises unless it has several."""
    if not isinstance(model, MultiLossMixin) or not model.has_total_loss:
        raise error(
            TypeError,
            "ConflictMonitor",
            "the model is not compiled with a total loss",
            expected="a MultiLossModel that is compiled with a WeightedSumLoss",
            received=f"{type(model).__name__} with loss={getattr(model, 'loss', None)!r}",
            hint="MultiLossModel.from_model(model) makes one of a functional model",
        )
    names = list(model.loss.task_names)
    if len(names) < 2:
        raise error(
            ValueError,
            "ConflictMonitor",
            "the total loss has one term, which nothing can conflict with",
            expected="two terms or more",
            received=repr(names),
        )
    return names
