"""Layers that keep the state of rules in files, by the names of the terms."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from keras_multiloss._messages import error
from keras_multiloss._platform import LayerWithMetrics, ops

#: Under this key a file has the names of the terms, as bytes of JSON.
TERMS = "terms"


class StateLayer(LayerWithMetrics):
    """A layer whose variables a file matches to terms by name.

    The same terms in another order load correctly, and what does not fit is an error. Files of
    version 0.1 have the variables by position; they still load.
    """

    #: Whether a file is being loaded that must have this state.
    is_expected_in_file = False

    _failure: Exception | None = None

    def state_variables(self) -> dict[str, Any]:
        """The variables that a file holds, by their names there."""
        raise NotImplementedError

    def state_terms(self) -> list[str]:
        """The names of the terms, in the order of the axes that are theirs."""
        raise NotImplementedError

    def term_axes(self, key: str) -> list[int]:
        """The axes of a variable that have one place for each term."""
        raise NotImplementedError

    def positional_variables(self) -> list[Any]:
        """The variables in the order that files of version 0.1 have."""
        variables = self.state_variables().values()
        return sorted(variables, key=lambda variable: not variable.trainable)

    def save_own_variables(self, store: Any) -> None:
        store[TERMS] = np.frombuffer(json.dumps(self.state_terms()).encode(), "uint8")
        for key, variable in self.state_variables().items():
            store[key] = _array(variable)

    def load_own_variables(self, store: Any) -> None:
        """Restore the state; a file of a model without one leaves it as it is."""
        if not len(store.keys()):
            self._check_may_be_absent()
            return
        try:
            values = self._by_name(store) if TERMS in [*store.keys()] else self._by_position(store)
        except ValueError as e:
            # Keras calls again with an empty store, and takes a quiet return for success.
            self._failure = e
            raise
        for key, variable in self.state_variables().items():
            variable.assign(values[key])
        self._failure, self.is_expected_in_file = None, False

    def take_over(self, before: StateLayer) -> None:
        """Go on with the state of another layer of the same rule, for the terms that both have."""
        old = before.state_variables()
        for key, variable in self.state_variables().items():
            if key in old:
                value = self._merged(key, _array(variable), _array(old[key]), before.state_terms())
                variable.assign(value)

    def _merged(self, key: str, value: Any, old: Any, old_terms: list[str]) -> Any:
        """A value with the places of the terms that stay as they were."""
        axes = self.term_axes(key)
        others = [np.delete(np.shape(x), axes).tolist() for x in (value, old)]
        if np.ndim(value) != np.ndim(old) or others[0] != others[1]:
            return value
        stay = [name for name in self.state_terms() if name in old_terms]
        places = [self.state_terms().index(name) for name in stay]
        old_places = [old_terms.index(name) for name in stay]
        merged = np.array(value)
        merged[self._index(axes, value, places)] = old[self._index(axes, old, old_places)]
        return merged

    def _check_may_be_absent(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self.is_expected_in_file:
            raise self._misfit(
                "the file does not have its state", sorted(self.state_variables()), []
            )

    def _by_name(self, store: Any) -> dict[str, Any]:
        saved = json.loads(bytes(np.asarray(store[TERMS])).decode())
        terms = self.state_terms()
        if sorted(saved) != sorted(terms):
            raise self._misfit("the file has the state of other terms", terms, saved)
        keys, found = sorted(self.state_variables()), sorted({*store.keys()} - {TERMS})
        if keys != found:
            raise self._misfit("the file has other state variables", keys, found)
        order = [saved.index(term) for term in terms]
        return {key: self._in_order(key, store[key], order) for key in keys}

    def _by_position(self, store: Any) -> dict[str, Any]:
        variables = self.positional_variables()
        if len(store.keys()) != len(variables):
            problem = "the file has a different number of state variables"
            raise self._misfit(problem, len(variables), len(store.keys()))
        names = {id(variable): key for key, variable in self.state_variables().items()}
        return {
            names[id(variable)]: self._checked_value(names[id(variable)], store[f"{i}"])
            for i, variable in enumerate(variables)
        }

    def _in_order(self, key: str, value: Any, order: list[int]) -> Any:
        """A value from a file, its places for terms in the order that they have here."""
        value = self._checked_value(key, value)
        for axis in self.term_axes(key):
            value = np.take(value, order, axis=axis)
        return value

    def _checked_value(self, key: str, value: Any) -> Any:
        value = np.asarray(value)
        shape = tuple(self.state_variables()[key].shape)
        if value.shape != shape:
            problem = f"the state variable {key!r} of the file has another shape"
            raise self._misfit(problem, shape, value.shape)
        return value

    @staticmethod
    def _index(axes: list[int], value: Any, places: list[int]) -> Any:
        """The index of some places along the axes of the terms, and of all else."""
        return np.ix_(
            *(places if i in axes else range(size) for i, size in enumerate(np.shape(value)))
        )

    def _misfit(self, problem: str, expected: object, received: object) -> ValueError:
        return error(
            ValueError,
            f"{type(self).__name__} {self.name!r}",
            problem,
            expected=expected,
            received=received,
            hint="load the file into a model that is compiled with the same terms and rule, or "
            "load it before `compile`",
        )


def _array(variable: Any) -> np.ndarray:
    """The value of a variable, as it is in files."""
    return np.asarray(ops.convert_to_numpy(ops.convert_to_tensor(variable)))


class FileState(LayerWithMetrics):
    """Takes the state of a rule out of a file, where no layer for it is there yet."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name)
        self.built = True
        self.values: dict[str, Any] = {}

    @classmethod
    def of(cls, layer_class: type) -> FileState:
        """One in place of a layer of a class, by whose name Keras 2 finds it in a file."""
        named = type(layer_class.__name__, (cls,), {})
        return named(name="state_in_file")

    def save_own_variables(self, store: Any) -> None:
        """Nothing: it has no variables."""

    def load_own_variables(self, store: Any) -> None:
        self.values.update({key: np.asarray(store[key]) for key in store.keys()})  # noqa: SIM118
