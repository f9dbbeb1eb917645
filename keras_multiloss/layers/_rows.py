"""The terms of a step as the rows of vectors, which is how a rule sees them."""

from __future__ import annotations

from typing import Any

from keras_multiloss._backends import mean_over_replicas
from keras_multiloss._keras import ops


class Rows:
    """Which terms a rule sees in a step, and which of them count.

    A term that is not there, or whose weight is the constant 0, is not seen. One whose weight
    or loss is 0 in this step is seen as a loss of 1, and its part of the state stays.

    Args:
        n_terms: the number of terms of the sum.
        places: the places of the seen terms among them.
        names: their names.
        counts: whether each of them counts, a boolean vector.
    """

    def __init__(self, n_terms: int, places: list[int], names: list[str], counts: Any) -> None:
        self.n_terms = n_terms
        self.places = places
        self.names = names
        self.counts = counts

    @classmethod
    def of(cls, all_names: list[str], given: dict[str, Any], losses: dict[str, Any]) -> Rows:
        """The rows of a step, from the weights and the losses of its terms."""
        is_off = {name: isinstance(w, float) and w == 0.0 for name, w in given.items()}
        names = [name for name in all_names if name in losses and not is_off[name]]
        places = [all_names.index(name) for name in names]
        counts = None
        if names:
            weights = ops.stack([ops.cast(given[name], "float32") for name in names])
            values = _global(losses, names)
            counts = ops.logical_and(ops.not_equal(weights, 0.0), ops.not_equal(values, 0.0))
        return cls(len(all_names), places, names, counts)

    def losses(self, losses: dict[str, Any]) -> Any:
        """The losses of the global batch, without gradients."""
        values = _global(losses, self.names)
        return ops.where(self.counts, values, ops.ones_like(values))

    def state(self, full: dict[str, Any]) -> dict[str, Any]:
        """The entries of the seen terms; those that do not count carry no gradient."""
        return {key: self._of_seen(value) for key, value in full.items()}

    def merged(
        self, state: dict[str, Any], full: dict[str, Any], *, all_rows: bool = False
    ) -> dict[str, Any]:
        """A full state with the entries of the terms that count from another.

        Args:
            state: entries of the seen terms.
            full: entries of all terms.
            all_rows: whether those that do not count are taken as well.
        """
        return {
            key: self._merge(state[key], old, all_rows=all_rows)
            if self._is_by_term(old)
            else state[key]
            for key, old in full.items()
        }

    def _is_by_term(self, value: Any) -> bool:
        return bool(tuple(value.shape)) and value.shape[0] == self.n_terms

    def _of_seen(self, value: Any) -> Any:
        if not self._is_by_term(value):
            return value
        if len(self.places) < self.n_terms:
            value = ops.stack([value[i] for i in self.places])
        return ops.where(self._counts_like(value), value, ops.stop_gradient(value))

    def _merge(self, new: Any, old: Any, *, all_rows: bool) -> Any:
        if not all_rows:
            kept = ops.stack([old[i] for i in self.places])
            new = ops.where(self._counts_like(new), new, kept)
        if len(self.places) == self.n_terms:
            return new
        return ops.stack(
            [new[self.places.index(i)] if i in self.places else old[i] for i in range(self.n_terms)]
        )

    def _counts_like(self, value: Any) -> Any:
        """`counts` with the axes of a value that has more than one."""
        return ops.reshape(self.counts, (len(self.places), *(1 for _ in value.shape[1:])))


def _global(losses: dict[str, Any], names: list[str]) -> Any:
    stacked = ops.stack([losses[name] for name in names])
    return mean_over_replicas(ops.stop_gradient(stacked))
