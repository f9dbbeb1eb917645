"""Whether the arguments of a term fit together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._checks import check_name
from keras_multiloss._container_checks import check_is_dict
from keras_multiloss._messages import error
from keras_multiloss._saving import is_of_keras
from keras_multiloss.evaluation import kind_of
from keras_multiloss.weighting import check_weight

if TYPE_CHECKING:
    from keras_multiloss.spec._loss_term import LossTerm


def checked_part_weights(where: str, part_weights: Any) -> dict[str, Any] | None:
    """Weights of parts by name, numbers or schedules; `None` for none."""
    if part_weights is None:
        return None
    weights = check_is_dict(where, "part_weights", part_weights)
    for name in weights:
        check_name(where, "part_weights", name)
    return {
        name: check_weight(where, weight, argument=f"part_weights[{name!r}]")
        for name, weight in weights.items()
    }


def check_arguments_fit(term: LossTerm) -> None:
    """Raise if the arguments of a term contradict each other."""
    _check_loss_takes_these(term)
    if term.class_weight is not None and (term.labels is None or isinstance(term.labels, list)):
        raise error(
            ValueError,
            term.where,
            "`class_weight` needs one label",
            expected="one name for `labels`",
            received=f"labels={term.labels!r}",
        )
    if term.parts_as_tasks and not term.part_weights:
        raise error(
            ValueError,
            term.where,
            "the parts that are tasks have no names",
            expected="all parts in `part_weights`, such as {'classes': 1.0, 'boxes': 1.0}",
            received=f"parts_as_tasks=True, part_weights={term.part_weights!r}",
        )
    if term.parts_as_tasks and callable(term.weight):
        moving = [name for name, weight in (term.part_weights or {}).items() if callable(weight)]
        if moving:
            raise error(
                ValueError,
                term.where,
                "a task would follow two schedules",
                expected="a schedule as `weight`, or in `part_weights`",
                received=f"one as `weight`, and one of part {moving[0]!r}",
            )


def _check_loss_takes_these(term: LossTerm) -> None:
    """Raise for a loss of Keras that is given several tensors, or no label that it needs."""
    if not is_of_keras(term.loss):
        return
    if isinstance(term.outputs, list) or isinstance(term.labels, list):
        raise error(
            ValueError,
            term.where,
            "a loss of Keras takes one output and one label",
            expected="one name for `outputs` and one for `labels`",
            received=f"outputs={term.outputs!r}, labels={term.labels!r}",
            hint="one term for each output, or a JointLoss that sees them all",
        )
    if term.labels is None and kind_of(term.loss) != "elementwise":
        raise error(
            ValueError,
            term.where,
            "this loss of Keras needs a label",
            expected="one name for `labels`",
            received=f"loss={term.loss_name!r}, labels=None",
            hint="without a label, losses of single entries such as 'mse' are taken against 0",
        )
