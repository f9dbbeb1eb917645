"""The terms of a step as a weighting sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._platform import mean_over_replicas, ops

if TYPE_CHECKING:
    from collections.abc import Collection


class SeenTerms:
    """Which terms a rule sees in a step, and which of them count.

    A term that is missing, or whose weight is always 0, is not seen. One whose weight or
    loss is 0 in this step is seen as a loss of 1, and its part of the state stays.

    Args:
        all_names: the names of all terms of the sum.
        active: the names of those that can count.
        names: the names of the terms that are there.
        weights: the weights that they were given, a vector.
        losses: their losses, a vector.
    """

    def __init__(
        self, all_names: list[str], active: list[str], names: list[str], weights: Any, losses: Any
    ) -> None:
        self.n_terms = len(all_names)
        self.places_in_step = [i for i, name in enumerate(names) if name in active]
        #: Where the seen terms are among all.
        self.places = [all_names.index(names[i]) for i in self.places_in_step]
        if self.places:
            found = mean_over_replicas(ops.stop_gradient(self.of_step(losses)))
            given = self.of_step(weights)
            self.counts = ops.logical_and(ops.not_equal(given, 0.0), ops.not_equal(found, 0.0))
            #: The losses of the global batch, without gradients.
            self.losses = ops.where(self.counts, found, ops.ones_like(found))

    def of_step(self, vector: Any) -> Any:
        """The entries of the seen terms, from a vector of those that are there."""
        return _taken(vector, self.places_in_step)

    def in_step(self, seen: Any, others: Any) -> Any:
        """A vector of the terms that are there, of which the seen ones have other entries."""
        return _replaced(others, self.places_in_step, seen)

    def state(self, full: dict[str, Any], trained: Collection[str]) -> dict[str, Any]:
        """The entries of the seen terms.

        Args:
            full: a state of all terms.
            trained: the keys of what is trained. Its entries carry no gradient where their terms do
                not count; nothing else has one.
        """
        taken = {
            key: _taken(value, self.places) if self._is_by_term(value) else value
            for key, value in full.items()
        }
        return {
            key: self._where_counted(value, ops.stop_gradient(value))
            if key in trained and self._is_by_term(full[key])
            else value
            for key, value in taken.items()
        }

    def merged(
        self, new: dict[str, Any], seen: dict[str, Any], full: dict[str, Any]
    ) -> dict[str, Any]:
        """A full state after a step; what did not change in it is the same object.

        Args:
            new: the state of the seen terms after the step.
            seen: that before the step.
            full: the state of all terms before the step, which the terms that do not count keep.
        """
        return {
            key: old if new[key] is seen[key] else self._merge(new[key], seen[key], old)
            for key, old in full.items()
        }

    def in_all(self, seen: Any, others: Any) -> Any:
        """A vector of all terms, of which the seen ones have other entries."""
        return _replaced(others, self.places, seen)

    def _is_by_term(self, value: Any) -> bool:
        return bool(tuple(value.shape)) and value.shape[0] == self.n_terms

    def _merge(self, new: Any, seen: Any, full: Any) -> Any:
        if not self._is_by_term(full):
            return new
        return _replaced(full, self.places, self._where_counted(new, seen))

    def _where_counted(self, value: Any, other: Any) -> Any:
        """The rows of one value for the terms that count, those of another for the rest."""
        counts = self.counts
        for _ in value.shape[1:]:
            counts = ops.expand_dims(counts, -1)
        return ops.where(counts, value, other)


def _taken(rows: Any, places: list[int]) -> Any:
    """Some rows, in the order of their places."""
    if places == list(range(rows.shape[0])):
        return rows
    return ops.stack([rows[i] for i in places])


def _replaced(rows: Any, places: list[int], new: Any) -> Any:
    """Rows of which some are replaced."""
    n_rows = rows.shape[0]
    if places == list(range(n_rows)):
        return new
    return ops.stack([new[places.index(i)] if i in places else rows[i] for i in range(n_rows)])
