"""Terms that are evaluated as one, because they do the same to tensors of the same kind.

Many small operations cost more than one on longer tensors, and so do their traces: the samples of
such terms are put one behind the other, and the loss runs once.
"""

from __future__ import annotations

import collections
import inspect
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from keras_multiloss._platform import ops
from keras_multiloss._saving import PACKAGE, is_of_keras, serialize
from keras_multiloss.evaluation import Reduced, kind_of
from keras_multiloss.spec._term_names import part_name
from keras_multiloss.spec._term_tensors import stacked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from keras_multiloss.spec._joined import JoinedTensors
    from keras_multiloss.spec._loss_term import LossTerm
    from keras_multiloss.spec._term_tensors import TermTensors

#: Kinds of losses of Keras that give each sample a value which depends on no other sample, if an
#: output has an axis behind that of the batch.
OF_SAMPLES = {"elementwise", "vector", "sparse"}


class TaskBlock(NamedTuple):
    """Tasks that were evaluated as one.

    Args:
        names: of the tasks.
        reduced: their totals and divisors: scalars for one task, vectors for several.
        parts: for each task, the totals of its further logs, by name.
    """

    names: list[str]
    reduced: Reduced
    parts: list[dict[str, Any]]


def treated_alike(treatments: Mapping[str, Any]) -> list[str]:
    """The names of terms that are treated like another one.

    Args:
        treatments: what `treatment_of` gives for each, by name.
    """
    counts = collections.Counter(treatments.values())
    return [name for name, found in treatments.items() if found is not None and counts[found] > 1]


def groups_of_terms(
    terms: Mapping[str, LossTerm],
    treatments: Mapping[str, Any],
    tensors: Mapping[str, TermTensors],
    is_off: Mapping[str, Any],
) -> list[list[str]]:
    """The names of terms that can be evaluated as one, group by group.

    Args:
        terms: those that are there, by name.
        treatments: what `treatment_of` gives for each.
        tensors: what each that is treated like another one sees of the batch.
        is_off: whether no gradient flows through a term: a bool, or a tensor where it depends on
            the step.
    """
    groups: dict[Any, list[str]] = {}
    for name, term in terms.items():
        key: Any = name
        is_alone = is_off[name] is not False and term.read_outputs != term.output_keys
        kind = tensors[name].kind if name in tensors and not is_alone else None
        if kind is not None:
            flow = is_off[name] if isinstance(is_off[name], bool) else "by step"
            key = (treatments[name], kind, flow)
        groups.setdefault(key, []).append(name)
    return list(groups.values())


def fused_block(
    names: list[str],
    terms: Mapping[str, LossTerm],
    tensors: Mapping[str, TermTensors],
    is_off: Mapping[str, Any],
    joined: Sequence[JoinedTensors],
) -> TaskBlock | None:
    """Terms evaluated as one; `None` where that raises, as each by itself tells which it is.

    Args:
        names: of a group of `groups_of_terms`.
        terms: the terms by name.
        tensors: what each sees of the batch.
        is_off: as for `groups_of_terms`.
        joined: labels and sample weights that came as one tensor.
    """
    term, flow = terms[names[0]], is_off[names[0]]
    off = flow if isinstance(flow, bool) else ops.stack([is_off[name] for name in names])
    seen = stacked([tensors[name] for name in names], off, joined)
    try:
        found = term.evaluated(seen, names[0])._replace(n_terms=len(names))
        reduced = found.reduced(term.acting_reduction)
    except ValueError:
        return None
    parts = [
        {part_name(name, part): totals[i] for part, totals in reduced.parts.items()}
        for i, name in enumerate(names)
    ]
    return TaskBlock(names, reduced, parts)


def treatment_of(term: LossTerm) -> tuple[Any, ...] | None:
    """What has to be alike for terms to be evaluated as one; `None` for a term of its own.

    Losses of Keras are alike if they have one class and one config, others if they are one object.
    """
    if term.parts_as_tasks or term.part_weights or not _is_sample_wise(term.loss):
        return None
    classes = None if term.class_weight is None else tuple(sorted(term.class_weight.items()))
    loss = _config_without_name(term.loss) if _has_config(term.loss) else id(term.loss)
    return (loss, term.mask, classes, term.acting_reduction)


def _is_sample_wise(loss: Any) -> bool:
    """Whether the value of a sample depends on no other sample."""
    if is_of_keras(loss):
        return kind_of(loss) in OF_SAMPLES
    says_so = getattr(loss, "is_sample_wise", False) is True
    if inspect.isfunction(loss):
        return says_so
    # A class below that computes values in another way has not said so.
    telling = {"call", "__call__", "is_sample_wise"}
    owners = [base for base in type(loss).__mro__ if telling & set(vars(base))]
    return says_so and "is_sample_wise" in vars(owners[0])


def _has_config(loss: Any) -> bool:
    """Whether the config of a loss says all of it."""
    return is_of_keras(loss) or type(loss).__module__.split(".")[0] == PACKAGE


def _config_without_name(loss: Any) -> str:
    """The class and the arguments of a loss, but for its name."""
    config = serialize(loss)
    if isinstance(config, dict):
        config = {**config, "config": {**config["config"], "name": None}}
    return json.dumps(config, sort_keys=True, default=repr)
