"""The terms of a step as a weighting sees them."""

from __future__ import annotations

from typing import Any

from keras_multiloss._platform import mean_over_replicas, ops


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

    def state(self, full: dict[str, Any]) -> dict[str, Any]:
        """The entries of the seen terms; those that do not count carry no gradient."""
        return {key: self._of_seen(value) for key, value in full.items()}

    def merged(self, state: dict[str, Any], full: dict[str, Any]) -> dict[str, Any]:
        """A full state with the entries of the terms that count from one of the seen terms."""
        return {
            key: self._merge(state[key], old) if self._is_by_term(old) else state[key]
            for key, old in full.items()
        }

    def in_all(self, seen: Any, others: Any) -> Any:
        """A vector of all terms, of which the seen ones have other entries."""
        return _replaced(others, self.places, seen)

    def _is_by_term(self, value: Any) -> bool:
        return bool(tuple(value.shape)) and value.shape[0] == self.n_terms

    def _of_seen(self, value: Any) -> Any:
        if not self._is_by_term(value):
            return value
        value = _taken(value, self.places)
        return ops.where(self._counts_like(value), value, ops.stop_gradient(value))

    def _merge(self, new: Any, old: Any) -> Any:
        kept = _taken(old, self.places)
        return _replaced(old, self.places, ops.where(self._counts_like(new), new, kept))

    def _counts_like(self, value: Any) -> Any:
        """`counts` with the axes of a value that has more than one."""
        return ops.reshape(self.counts, (len(self.places), *(1 for _ in value.shape[1:])))


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
