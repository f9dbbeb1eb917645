"""Aggregators by name."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import error, unknown_name
from keras_multiloss._saveable import check_rule
from keras_multiloss.aggregation._aligned_mtl import AlignedMTL
from keras_multiloss.aggregation._base import Aggregator
from keras_multiloss.aggregation._cagrad import CAGrad
from keras_multiloss.aggregation._conflict_free import ConFIG
from keras_multiloss.aggregation._db_mtl import DBMTL
from keras_multiloss.aggregation._dual_proj import DualProj
from keras_multiloss.aggregation._excess_mtl import ExcessMTL
from keras_multiloss.aggregation._fair_grad import FairGrad
from keras_multiloss.aggregation._grad_drop import GradDrop
from keras_multiloss.aggregation._grad_norm import GradNorm
from keras_multiloss.aggregation._grad_vac import GradVac
from keras_multiloss.aggregation._imtl_g import IMTLG
from keras_multiloss.aggregation._mean import Mean, Sum
from keras_multiloss.aggregation._mgda import MGDA
from keras_multiloss.aggregation._moco import MoCo
from keras_multiloss.aggregation._nash_mtl import NashMTL
from keras_multiloss.aggregation._pcd import PCD
from keras_multiloss.aggregation._pcgrad import PCGrad
from keras_multiloss.aggregation._random import Random
from keras_multiloss.aggregation._upgrad import UPGrad

#: The rules that need no arguments.
BY_NAME: dict[str, type[Aggregator]] = {
    "alignedmtl": AlignedMTL,
    "cagrad": CAGrad,
    "config": ConFIG,
    "dbmtl": DBMTL,
    "dualproj": DualProj,
    "excessmtl": ExcessMTL,
    "fairgrad": FairGrad,
    "graddrop": GradDrop,
    "gradnorm": GradNorm,
    "gradvac": GradVac,
    "imtlg": IMTLG,
    "mean": Mean,
    "mgda": MGDA,
    "moco": MoCo,
    "nashmtl": NashMTL,
    "pcd": PCD,
    "pcgrad": PCGrad,
    "random": Random,
    "sum": Sum,
    "upgrad": UPGrad,
}

#: How to write the rules that have no name, as they need arguments.
WITH_ARGUMENTS = {
    "constant": "Constant(values=[1.0, 0.5])",
    "crmogm": "CRMOGM('mgda')",
    "krum": "Krum(n_byzantine=1)",
    "trimmedmean": "TrimmedMean(trim=1)",
}


def get(where: str, argument: str, aggregator: Any) -> Aggregator:
    """The rule that an object or a name stands for.

    Raises:
        ValueError: if no rule has the name, or a file could not restore the object.
        TypeError: if it is no aggregator.
    """
    if isinstance(aggregator, str):
        return _get_by_name(where, argument, aggregator)
    rule: Aggregator = check_rule(where, argument, aggregator, Aggregator, "kml.aggregation")
    return rule


def _get_by_name(where: str, argument: str, name: str) -> Aggregator:
    if name in WITH_ARGUMENTS:
        raise error(
            ValueError,
            where,
            f"`{argument}` names an aggregator that needs arguments",
            expected="an object, or the name of one that needs none",
            received=repr(name),
            hint=f"write kml.aggregation.{WITH_ARGUMENTS[name]}",
        )
    if name not in BY_NAME:
        raise unknown_name(where, f"`{argument}` names no aggregator", name, BY_NAME)
    return BY_NAME[name]()
