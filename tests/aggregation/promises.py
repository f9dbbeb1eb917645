"""The rules, and which laws each of them keeps."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from keras_multiloss import aggregation as ka
from keras_multiloss.aggregation import Aggregator


@dataclass(frozen=True)
class Promises:
    """What a rule promises; a law that it does not have is `False` or `None`."""

    rule: Aggregator

    #: How long the result is for a single task, in lengths of its gradient.
    alone: float | None = 1.0

    #: No task has a negative inner product with the result.
    no_conflict: bool = False

    #: The result is 0 where a sum of the gradients with positive weights is.
    stationary: bool = False

    #: Gradients of lengths a + b give the sum of what lengths a and lengths b give.
    linear_in_lengths: bool = False

    #: The lengths of single gradients have no say in the direction of the result.
    direction_only: bool = False

    #: The order of tasks is irrelevant.
    symmetric: bool = True

    #: By what T tasks see their result multiplied when another without a gradient comes.
    with_a_zero: Callable[[int], float] | None = None

    #: The gradients have no say in the weights.
    constant: bool = False

    #: There is no answer where the gradients cancel, and no exact one where they nearly do.
    needs_progress: bool = False


def unchanged(n_tasks):
    return 1.0


def diluted(n_tasks):
    return n_tasks / (n_tasks + 1)


def stopped(n_tasks):
    return 0.0


RULES = {
    "mean": Promises(ka.Mean(), constant=True, linear_in_lengths=True, with_a_zero=diluted),
    "sum": Promises(ka.Sum(), constant=True, linear_in_lengths=True, with_a_zero=unchanged),
    "upgrad": Promises(
        ka.UPGrad(),
        no_conflict=True,
        stationary=True,
        linear_in_lengths=True,
        with_a_zero=diluted,
    ),
    "dualproj": Promises(ka.DualProj(), no_conflict=True, stationary=True, with_a_zero=diluted),
    "mgda": Promises(ka.MGDA(), no_conflict=True, stationary=True, with_a_zero=stopped),
    # The ball around the mean holds 0, the step that is bad for no task, from c = 1 on.
    "cagrad beyond 0": Promises(ka.CAGrad(c=1.5), alone=2.5, no_conflict=True, stationary=True),
    "cagrad": Promises(ka.CAGrad(c=0.4), alone=1.4),
    "nashmtl": Promises(
        ka.NashMTL(),
        no_conflict=True,
        direction_only=True,
        with_a_zero=unchanged,
        needs_progress=True,
    ),
    "fairgrad": Promises(
        ka.FairGrad(alpha=2.0), no_conflict=True, with_a_zero=unchanged, needs_progress=True
    ),
    "imtlg": Promises(ka.IMTLG(), needs_progress=True),
    "config": Promises(
        ka.ConFIG(), linear_in_lengths=True, direction_only=True, needs_progress=True
    ),
    "pcgrad": Promises(
        ka.PCGrad(seed=3), linear_in_lengths=True, symmetric=False, needs_progress=True
    ),
    "alignedmtl": Promises(ka.AlignedMTL(), needs_progress=True),
}


def that(**promises):
    """Parametrizes a test with the rules that make some promises."""

    def keeps(rule):
        return all(bool(getattr(rule, name)) is value for name, value in promises.items())

    names = [name for name, rule in RULES.items() if keeps(rule)]
    return pytest.mark.parametrize("promises", [RULES[name] for name in names], ids=names)
