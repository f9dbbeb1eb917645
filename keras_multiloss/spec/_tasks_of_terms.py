"""What the weights of a sum belong to: its terms, or the parts of a term that are tasks.

Beside the tasks, a sum has further logs: of the parts of a term, and of a term whose parts are
tasks. They have the divisor of a task.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from keras_multiloss._messages import error, unknown_name
from keras_multiloss._platform import ops
from keras_multiloss.evaluation import losses_of
from keras_multiloss.spec._fused_terms import (
    TaskBlock,
    fused_block,
    groups_of_terms,
    treated_alike,
    treatment_of,
)
from keras_multiloss.spec._given_weights import GivenWeights
from keras_multiloss.spec._term_names import part_name
from keras_multiloss.weighting import scaled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from keras_multiloss.evaluation import Evaluated, Reduced
    from keras_multiloss.spec._batch import Batch
    from keras_multiloss.spec._loss_term import LossTerm
    from keras_multiloss.spec._weighted_sum_loss import WeightedSumLoss


class Tasks:
    """The tasks of a sum, by name, and the weights that they were given.

    Args:
        terms: the terms of the sum, by name.
        are_assignable: whether a weighting opens the weights to change while a model trains.
    """

    def __init__(self, terms: Mapping[str, LossTerm], *, are_assignable: bool) -> None:
        self.terms = dict(terms)
        weights: dict[str, Any] = {}
        for name, term in self.terms.items():
            weights |= _weights_of_tasks(name, term)
        self.names = list(weights)
        self._check_names_of_parts()
        #: The schedules of parts, by term and part.
        parts = {
            (name, part): weight
            for name, term in self.terms.items()
            for part, weight in (term.part_weights or {}).items()
            if callable(weight)
        }
        self.given_weights = GivenWeights(weights, parts=parts, are_assignable=are_assignable)
        #: The parts that follow schedules and are no tasks, by term and part.
        self.moving_parts = [key for key in parts if not self.terms[key[0]].parts_as_tasks]

    def _check_names_of_parts(self) -> None:
        """Raise if a weighed part would be logged under the name of something else."""
        taken = list(self.terms)
        for name, term in self.terms.items():
            parts = [part_name(name, part) for part in term.part_weights or {}]
            _check_are_distinct("WeightedSumLoss", parts, taken)
            taken += parts

    def reduced(self, batch: Batch, moving: Mapping[Any, Any]) -> dict[str, Reduced]:
        """The total and divisor of each task, by name, with the further logs as its parts.

        A gradient of a total reaches only what the task depends on.

        Args:
            batch: as for `blocks`.
            moving: as for `blocks`.
        """
        return {b.names[0]: b.reduced for b in self.blocks(batch, moving, fuse=False)}

    def blocks(self, batch: Batch, moving: Mapping[Any, Any], *, fuse: bool) -> list[TaskBlock]:
        """The totals and divisors of the tasks; those of terms that are alike as one.

        Terms that are not required and whose label is absent are left out.

        Args:
            batch: inputs, outputs, labels and sample weights by name.
            moving: weights that change, as far as they are known before the losses: of tasks by
                name, of parts by term and part. No gradient flows through a term while its weight
                is 0, not even one that is not finite.
            fuse: whether terms that are alike are evaluated as one.
        """
        terms = self._present(batch)
        is_off = {name: self._is_off(name, term, moving) for name, term in terms.items()}
        alike = [name for name in self._treated_alike if name in terms] if fuse else []
        tensors = {name: terms[name].tensors(batch, name) for name in alike}
        blocks: list[TaskBlock] = []
        for names in groups_of_terms(terms, self._treatments, tensors, is_off):
            fused = None
            if len(names) > 1:
                fused = fused_block(names, terms, tensors, is_off, batch.joined)
            if fused is not None:
                blocks.append(fused)
                continue
            for name in names:
                term = terms[name]
                seen = batch.without_gradient(term.read_outputs, is_off[name])
                found = term.evaluated(term.tensors(seen, name), name)
                tasks = _reduced_tasks(name, term, _with_weights(name, term, found, moving))
                blocks += [TaskBlock([task], one, [one.parts]) for task, one in tasks.items()]
        self._check_names_of_logs(blocks)
        return blocks

    def _check_names_of_logs(self, blocks: Iterable[TaskBlock]) -> None:
        """Raise if a part that a loss gave would be logged under the name of something else."""
        logged = [*self.terms, *self.names]
        for block in blocks:
            for name, parts in zip(block.names, block.parts, strict=True):
                if name in self.terms:
                    _check_are_distinct(f"WeightedSumLoss: term {name!r}", parts, logged)
                    logged += parts

    @functools.cached_property
    def _treatments(self) -> dict[str, Any]:
        """What has to be alike for terms to be evaluated as one, by name."""
        return {name: treatment_of(term) for name, term in self.terms.items()}

    @functools.cached_property
    def _treated_alike(self) -> list[str]:
        """The names of terms that may be evaluated with another one."""
        return treated_alike(self._treatments)

    def _present(self, batch: Batch) -> dict[str, LossTerm]:
        """The terms but those that are not required and whose label is absent."""
        present = {}
        for name, term in self.terms.items():
            if term.required or term.is_present(batch):
                present[name] = term
            else:
                known = [key for other in self.terms.values() for key in other.label_keys]
                batch.check_not_misspelt(term, name, known)
        return present

    def evaluated(self, name: str, batch: Batch, moving: Mapping[Any, Any]) -> Evaluated:
        """The values of a term on a batch, its parts weighed.

        Args:
            name: of the term.
            batch: inputs, outputs, labels and sample weights by name.
            moving: the weights that follow schedules, by term and part.
        """
        term = self.terms[name]
        found = term.evaluated(term.tensors(batch, name), name)
        return _with_weights(name, term, found, moving)

    def _is_off(self, name: str, term: LossTerm, moving: Mapping[Any, Any]) -> Any:
        """Whether all weights of a term are 0: a bool, or a tensor where that moves."""
        tasks = [t for t in _weights_of_tasks(name, term) if t in self.given_weights.active]
        if not tasks:
            return True
        if not all(task in moving for task in tasks):
            return False
        is_off = [ops.equal(moving[task], 0.0) for task in tasks]
        return functools.reduce(ops.logical_and, is_off)


def log_names(loss: WeightedSumLoss) -> list[str]:
    """The names of the logs of a sum, as far as they are known before it is called."""
    parts = [part_name(n, p) for n, t in loss.tasks.terms.items() for p in t.part_weights or {}]
    known = dict.fromkeys([*loss.names, *loss.task_names, *parts])
    return ["loss", *(f"{name}_loss" for name in known), *(f"{name}_weight" for name in known)]


def _weights_of_tasks(name: str, term: LossTerm) -> dict[str, Any]:
    """The weight of each task of a term, by name."""
    if not term.parts_as_tasks:
        return {name: term.weight}
    weights = (term.part_weights or {}).items()
    if callable(term.weight):
        return {part_name(name, part): scaled(term.weight, weight) for part, weight in weights}
    return {part_name(name, part): scaled(weight, term.weight) for part, weight in weights}


def _with_weights(
    name: str, term: LossTerm, found: Evaluated, moving: Mapping[Any, Any]
) -> Evaluated:
    """The values of a term with its parts weighed as at a step.

    Args:
        name: the name of the term.
        term: the term.
        found: its values.
        moving: the weights that follow schedules, by term and part.
    """
    weights = term.part_weights or {}
    return found.with_part_weights({p: moving.get((name, p), w) for p, w in weights.items()})


def _reduced_tasks(name: str, term: LossTerm, found: Evaluated) -> dict[str, Reduced]:
    """The tasks of a term on a batch; the further logs are among their `parts`.

    Args:
        name: the name of the term.
        term: the term.
        found: its values, the parts weighed.
    """
    whole, weights = found.reduced(term.acting_reduction), term.part_weights or {}
    if not term.parts_as_tasks:
        logged = {part_name(name, part): total for part, total in whole.parts.items()}
        return {name: whole._replace(parts=logged)}
    for part in found.parts:
        if part not in weights:
            raise unknown_name(
                found.where,
                "a part that should be a task has no weight in `part_weights`",
                part,
                list(weights),
            )
    parts = found.parts_reduced(term.acting_reduction)
    tasks = {part_name(name, part): parts[part] for part in weights}
    first = next(iter(tasks))
    return {**tasks, first: tasks[first]._replace(parts={name: whole.logged})}


def named_losses(terms: list[str], reduced: Mapping[str, Reduced]) -> dict[str, Any]:
    """The losses of terms and of their parts by name, those of a term before its parts.

    Args:
        terms: the names of all terms of the sum.
        reduced: the tasks that are there.
    """
    if not reduced:
        return {}
    losses: dict[str, Any] = {}
    of_tasks = losses_of(list(reduced.values()))
    for i, (task, one) in enumerate(reduced.items()):
        count = ops.where(one.count == 0, ops.ones_like(one.count), one.count)
        further = {name: total / count for name, total in one.parts.items()}
        losses |= {name: further[name] for name in further if name in terms}
        losses[task] = of_tasks[i]
        losses |= further
    return losses


def _check_are_distinct(where: str, names: Iterable[str], taken: Iterable[str]) -> None:
    """Raise if a part would be logged by a name that the log has already."""
    taken = list(taken)
    for name in names:
        if name in taken:
            raise error(
                ValueError,
                where,
                f"a part would be logged as '{name}_loss', and something else is, too",
                expected="names of terms and parts that stay different",
                received=f"{taken}",
                hint="give a term another name: LossTerm(..., name=...)",
            )
