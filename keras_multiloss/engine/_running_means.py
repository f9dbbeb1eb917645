"""The logs of the terms as running means in one vector."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_multiloss._messages import error
from keras_multiloss._platform import (
    PACKED,
    UnsavedMetric,
    add_metric_sums,
    is_traced,
    ops,
    packs_logs,
)
from keras_multiloss.spec import part_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from keras_multiloss.engine._step import Step
    from keras_multiloss.spec import WeightedSumLoss


class RunningMeans(UnsavedMetric):
    r"""Logs `<term>_loss`, `<term>_<part>_loss`, and `<term>_weight` where the weight changes.

    `<term>_loss` is the mean over what the term counted, $\sum n_t \ell_t / \sum n_t$ over the
    batches, NaN where nothing counted; so is the loss of a part, over what its term counted.
    `<term>_weight` and `<term>_<part>_weight` are plain means over the steps;
    `weighting_loss`, the penalty of a weighting, the mean over the samples. One vector holds all
    sums, so that 300 terms cost as much as 3.

    Args:
        loss: the total loss.
        variable: gives the vector where a layer owns it; by default the metric owns it.
        is_readable: false where Keras gives a metric no access to the vector (a layer's
            weight on JAX): then nothing is logged from here.
    """

    def __init__(
        self,
        loss: WeightedSumLoss,
        *,
        variable: Callable[[], Any] | None = None,
        is_readable: bool = True,
    ) -> None:
        super().__init__(name="term_losses", dtype="float32")
        self.layout = Layout(loss)
        self.is_readable = is_readable
        self.seen = list(loss.task_names)
        if variable is None:
            own: Any = add_metric_sums(self, "sums", (self.layout.size,))
            self.variable: Callable[[], Any] = lambda: own
        else:
            self.variable = variable

    def update_state(self, step: Step, n_samples: Any) -> None:
        """Add a step of so many samples."""
        self.seen = step.names
        sums = self.variable()
        sums.assign(sums + ops.stop_gradient(self.layout.row(step, n_samples)))

    def result(self) -> dict[str, Any]:
        """The logs by name; in a compiled step of their model, the sums as one vector."""
        if not self.is_readable:
            return {}
        sums = self.variable() + 0.0
        return {PACKED: sums} if packs_logs(self) else self.apart(sums)

    def apart(self, sums: Any) -> dict[str, Any]:
        """The logs that a vector of sums stands for."""
        if not is_traced(sums):
            sums = ops.convert_to_numpy(sums)
        return self.layout.logs(sums, self.seen)

    def reset_state(self) -> None:
        sums = self.variable()
        sums.assign(ops.zeros(sums.shape))


#: How many parts of a term can be logged. Their names are known when the loss is first called, but
#: the vector of sums has its size before.
MOST_PARTS = 32


class Layout:
    """What stands where in the vector of sums.

    In this order: samples, steps, the total and the count of each task, the weight of each
    task and part that moves, the totals of parts, and the penalty of a weighting.

    Args:
        loss: the total loss.
    """

    def __init__(self, loss: WeightedSumLoss) -> None:
        self.names = loss.task_names
        self.terms = set(loss.names)
        self.moving_tasks = loss.moving_names
        self.moving_parts = [part_name(*key) for key in loss.moving_parts]
        self.moving = [*self.moving_tasks, *self.moving_parts]
        #: The place of each further log among the totals of parts, as they are seen.
        self.places: dict[str, int] = {}
        #: The task that each of them has its count from.
        self.task_of: dict[str, str] = {}
        #: The names of the logs and their places among all, for the tasks that were seen.
        self._shown_for: dict[Any, list[tuple[str, int]]] = {}
        self.has_penalty = loss.has_penalty
        self.n_places = MOST_PARTS * sum(term.may_have_parts for term in loss.terms)
        self.size = 2 + 2 * len(self.names) + len(self.moving) + self.n_places
        self.size += int(self.has_penalty)

    def row(self, step: Step, n_samples: Any) -> Any:
        """What a step adds to the sums."""
        n_samples = ops.cast(n_samples, "float32")
        is_off = ops.equal(step.weights, 0.0)
        weights = _placed(step.weights, step.names, self.moving_tasks)
        parts = [
            ops.stack([n_samples, ops.ones(())]),
            _placed(_without_noise(step.logged, is_off), step.names, self.names),
            _placed(step.counts, step.names, self.names),
            *([weights] if self.moving_tasks else []),
            *([self._weights_of_parts(step)] if self.moving_parts else []),
            *([self._totals_of_parts(step, is_off)] if self.n_places else []),
        ]
        if self.has_penalty:
            penalty = ops.zeros(()) if step.penalty is None else step.penalty
            parts.append(ops.reshape(n_samples * penalty, (1,)))
        return ops.concatenate(parts, axis=0)

    def _weights_of_parts(self, step: Step) -> Any:
        return ops.stack([step.part_weights[name] for name in self.moving_parts])

    def _totals_of_parts(self, step: Step, is_off: Any) -> Any:
        """The totals of the further logs, each in its place; new names get the next places."""
        found = {}
        for i, (task, parts) in enumerate(zip(step.names, step.parts, strict=True)):
            for name, total in parts.items():
                self.task_of[name] = task
                found[self._place_of(name)] = _without_noise(total, is_off[i])
        zero = ops.zeros(())
        n_used = len(self.places)
        used = [found.get(place, zero) for place in range(n_used)]
        unused = ops.zeros((self.n_places - n_used,))
        return ops.concatenate([ops.stack(used), unused], axis=0) if used else unused

    def _place_of(self, name: str) -> int:
        if name not in self.places and len(self.places) == self.n_places:
            raise error(
                ValueError,
                "WeightedSumLoss",
                f"part {name!r} is one too many for the log",
                expected=f"at most {self.n_places} parts, {MOST_PARTS} for each term with a loss "
                "that may have some",
                received=f"{[*self.places, name]}",
                hint="add some of them up inside the loss",
            )
        return self.places.setdefault(name, len(self.places))

    def logs(self, sums: Any, seen: list[str]) -> dict[str, Any]:
        """The logs of the tasks that were seen, those of a term before those of its parts.

        Args:
            sums: an array, of which numbers are made, or a tensor.
            seen: the names of the tasks.
        """
        is_array = isinstance(sums, np.ndarray)
        values = self._values(np if is_array else ops, sums)
        entries = values.tolist() if is_array else values
        key = (*seen, len(self.places))
        if key not in self._shown_for:
            self._shown_for[key] = self._shown(seen)
        return {name: entries[place] for name, place in self._shown_for[key]}

    def _values(self, maths: Any, sums: Any) -> Any:
        """All logs as a vector: of tasks, of moving weights, of parts, and the penalty.

        Args:
            maths: NumPy for an array, or `ops`, which has its names.
            sums: the array or the tensor.
        """
        n, n_weights, n_parts = len(self.names), len(self.moving), len(self.places)
        totals, counts, rest = sums[2 : 2 + n], sums[2 + n : 2 + 2 * n], sums[2 + 2 * n :]
        values = [_means(maths, totals, counts)]
        if n_weights:
            values.append(rest[:n_weights] / maths.maximum(sums[1], 1.0))
        if n_parts:
            tasks = np.array([self.names.index(self.task_of[name]) for name in self.places])
            of_parts = rest[n_weights : n_weights + n_parts]
            values.append(_means(maths, of_parts, maths.take(counts, tasks, axis=0)))
        if self.has_penalty:
            values.append(sums[-1:] / maths.maximum(sums[0], 1.0))
        return maths.concatenate(values, axis=0) if len(values) > 1 else values[0]

    def _shown(self, seen: list[str]) -> list[tuple[str, int]]:
        """The names of the logs and their places among all."""
        shown: list[tuple[str, int]] = []
        n, n_weights = len(self.names), len(self.moving)
        is_seen = {*seen, *self.moving_parts}
        for i, task in enumerate(self.names):
            if task not in is_seen:
                continue
            further = [name for name in self.places if self.task_of[name] == task]
            own = [(f"{task}_loss", i)]
            of_task = [(f"{name}_loss", n + n_weights + self.places[name]) for name in further]
            is_of_term = any(name in self.terms for name in further)
            shown += [*of_task, *own] if is_of_term else [*own, *of_task]
        moving = enumerate(self.moving)
        shown += [(f"{name}_weight", n + i) for i, name in moving if name in is_seen]
        if self.has_penalty:
            shown.append(("weighting_loss", n + n_weights + len(self.places)))
        return shown


def _means(maths: Any, totals: Any, counts: Any) -> Any:
    """Totals by their counts, NaN where nothing counted."""
    is_known = counts != 0
    safe = maths.where(is_known, counts, maths.ones_like(counts))
    return maths.where(is_known, totals / safe, maths.full_like(totals, float("nan")))


def _placed(vector: Any, names: list[str], places: list[str]) -> Any:
    """The entries of some names, in the order of others; 0 where there is none."""
    if names == places:
        return vector
    zero = ops.zeros(())
    entries = [vector[names.index(name)] if name in names else zero for name in places]
    return ops.stack(entries) if entries else vector[:0]


def _without_noise(logged: Any, is_off: Any) -> Any:
    """The totals as they are logged: 0 where one is not finite and switched off."""
    is_noise = ops.logical_and(is_off, ops.logical_not(ops.isfinite(logged)))
    return ops.where(is_noise, ops.zeros_like(logged), logged)
