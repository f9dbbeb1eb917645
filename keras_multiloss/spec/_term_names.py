"""The terms of a sum as one flat list, and their names in the log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from keras_multiloss._messages import described, error
from keras_multiloss.spec._loss_term import LossTerm

#: What the log calls the penalty of a weighting, with `_loss` behind it.
PENALTY_NAME = "weighting"


def terms_of(terms: Any, sum_class: Any) -> tuple[tuple[LossTerm, ...], bool]:
    """The terms of a list of terms and sums, and whether its sums are fused; raises for no term."""
    if isinstance(terms, (LossTerm, sum_class)):
        terms = [terms]
    if isinstance(terms, (str, dict)) or not isinstance(terms, Iterable):
        raise error(
            TypeError,
            "WeightedSumLoss",
            "`terms` is not a list of terms",
            expected="a list of LossTerm objects",
            received=described(terms),
        )
    flat: list[LossTerm] = []
    are_fused = True
    for term in terms:
        if isinstance(term, sum_class):
            are_fused = are_fused and term.fuse
            _check_has_no_weighting(term)
            flat.extend(term.terms)
        elif isinstance(term, LossTerm):
            flat.append(term)
        else:
            raise error(
                TypeError,
                "WeightedSumLoss",
                "one of `terms` is not a term",
                expected="LossTerm or WeightedSumLoss objects",
                received=described(term),
                hint="wrap the loss: LossTerm(loss, outputs, labels)",
            )
    if not flat:
        raise error(
            ValueError,
            "WeightedSumLoss",
            "there are no terms",
            expected="at least one LossTerm",
            received="[]",
        )
    return tuple(flat), are_fused


def _check_has_no_weighting(summand: Any) -> None:
    """Raise for a sum whose weighting would be lost among other terms."""
    if summand.weighting is not None:
        raise error(
            ValueError,
            "WeightedSumLoss",
            "one of the terms is a sum with a weighting of its own",
            expected="terms and sums without a weighting",
            received=repr(summand),
            hint="the weighting belongs to the whole: "
            "WeightedSumLoss([*loss.terms, term], weighting=loss.weighting)",
        )


def unique_names(terms: Sequence[LossTerm]) -> list[str]:
    """A name for each term: its own; else that of its outputs; else with that of its loss."""
    given = [term.name for term in terms if term.name is not None]
    for name in given:
        if given.count(name) > 1:
            raise error(
                ValueError,
                "WeightedSumLoss",
                "two terms have the same name",
                expected="a different name for each term",
                received=f"{name!r} {given.count(name)} times",
                hint="give one of them another name: LossTerm(..., name=...)",
            )
    defaults = [term.default_name for term in terms]
    names: list[str] = []
    for term, default in zip(terms, defaults, strict=True):
        if term.name is not None:
            names.append(term.name)
            continue
        is_shared = defaults.count(default) > 1
        name = f"{default}_{term.loss_name}" if is_shared else default
        names.append(_numbered(name, taken=[*given, *names]))
    _check_log_names(names)
    return names


def _numbered(name: str, taken: list[str]) -> str:
    """The name, or the first of `name_2`, `name_3` and so on that is free."""
    n, numbered = 1, name
    while numbered in taken:
        n += 1
        numbered = f"{name}_{n}"
    return numbered


def _check_log_names(names: list[str]) -> None:
    """Raise if Keras, which writes `val_` before names in validation, would mix two logs up."""
    for name in names:
        if name == "val" or (name.startswith("val_") and name.removeprefix("val_") in names):
            raise error(
                ValueError,
                "WeightedSumLoss",
                f"the log of term {name!r} would be taken for a validation log",
                expected="names of terms that stay different with 'val_' before them",
                received=f"{names}",
                hint="give it another name: LossTerm(..., name=...)",
            )


def part_name(term: str, part: str) -> str:
    """What the log calls a part of a term, with `_loss` behind it."""
    return f"{term}_{part}"
