"""The terms of a sum by name, and sums with other terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._messages import unknown_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keras_multiloss.spec._by_name import Key
    from keras_multiloss.spec._loss_term import LossTerm
    from keras_multiloss.spec._weighted_sum_loss import WeightedSumLoss


class NamedTerms:
    """What a sum does as a mapping from names to terms. A subclass has `with_terms`."""

    names: list[str]
    terms: tuple[LossTerm, ...]

    def with_terms(self, terms: list[LossTerm]) -> WeightedSumLoss:
        """A sum of other terms, with the weighting and the name of this one."""
        raise NotImplementedError

    @property
    def output_keys(self) -> list[Key]:
        """The outputs that the terms read, each once."""
        return list(dict.fromkeys(key for term in self.terms for key in term.read_outputs))

    @property
    def label_keys(self) -> list[Key]:
        """The labels in the data that the terms name, each once."""
        return list(dict.fromkeys(key for term in self.terms for key in term.label_keys))

    @property
    def input_keys(self) -> list[Key]:
        """The inputs that the terms read, each once."""
        return list(dict.fromkeys(key for term in self.terms for key in term.input_keys))

    def __len__(self) -> int:
        return len(self.terms)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __getitem__(self, name: str) -> LossTerm:
        self._check_has(name)
        return self.terms[self.names.index(name)]

    def without(self, *names: str) -> WeightedSumLoss:
        """The sum without some of its terms; the others keep their names and the weighting."""
        for name in names:
            self._check_has(name)
        return self.with_terms(
            [term for term in self._terms_with_names() if term.name not in names]
        )

    def replace(self, name: str, **arguments: Any) -> WeightedSumLoss:
        """The sum with some arguments of one term replaced; all terms keep their names.

        Args:
            name: of the term.
            **arguments: of `LossTerm`, as in `loss.replace("age", weight=2.0)`.
        """
        self._check_has(name)
        terms = self._terms_with_names()
        return self.with_terms([t.replace(**arguments) if t.name == name else t for t in terms])

    def _terms_with_names(self) -> list[LossTerm]:
        """The terms, each with the name that it has here."""
        pairs = zip(self.names, self.terms, strict=True)
        return [term if term.name == name else term.replace(name=name) for name, term in pairs]

    def _check_has(self, name: Any) -> None:
        if name not in self.names:
            raise unknown_name("WeightedSumLoss", "there is no such term", name, self.names)
