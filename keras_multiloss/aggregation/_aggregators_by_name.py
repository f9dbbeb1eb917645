"""Aggregators by name."""

from __future__ import annotations

from typing import Any

from keras_multiloss._saving import RuleNames
from keras_multiloss.aggregation._aggregator import Aggregator
from keras_multiloss.aggregation._aligned_mtl import AlignedMTL
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
from keras_multiloss.aggregation._learning_rate_annealing import LearningRateAnnealing
from keras_multiloss.aggregation._mean import Mean, Sum
from keras_multiloss.aggregation._mgda import MGDA
from keras_multiloss.aggregation._moco import MoCo
from keras_multiloss.aggregation._nash_mtl import NashMTL
from keras_multiloss.aggregation._pcd import PCD
from keras_multiloss.aggregation._pcgrad import PCGrad
from keras_multiloss.aggregation._random_combination import Random
from keras_multiloss.aggregation._share_of_gradient import ShareOfGradient
from keras_multiloss.aggregation._upgrad import UPGrad

NAMES = RuleNames(
    base=Aggregator,
    kind="an aggregator",
    source="kml.aggregation",
    by_name={
        "aligned_mtl": AlignedMTL,
        "cagrad": CAGrad,
        "config": ConFIG,
        "db_mtl": DBMTL,
        "dual_proj": DualProj,
        "excess_mtl": ExcessMTL,
        "fair_grad": FairGrad,
        "grad_drop": GradDrop,
        "grad_norm": GradNorm,
        "grad_vac": GradVac,
        "imtl_g": IMTLG,
        "learning_rate_annealing": LearningRateAnnealing,
        "mean": Mean,
        "mgda": MGDA,
        "moco": MoCo,
        "nash_mtl": NashMTL,
        "pcd": PCD,
        "pcgrad": PCGrad,
        "random": Random,
        "share_of_gradient": ShareOfGradient,
        "sum": Sum,
        "upgrad": UPGrad,
    },
    short_names={"gem": "dual_proj", "lr_annealing": "learning_rate_annealing"},
    with_arguments={
        "constant": "Constant(values=[1.0, 0.5])",
        "cr_mogm": "CRMOGM('mgda')",
        "krum": "Krum(n_byzantine=1)",
        "trimmed_mean": "TrimmedMean(trim=1)",
    },
)


def checked_aggregator(where: str, argument: str, identifier: Any) -> Aggregator:
    """The rule that an object or a name stands for; raises for anything else."""
    rule: Aggregator = NAMES.rule(where, argument, identifier)
    return rule


def get(identifier: Any) -> Aggregator | None:
    """The aggregator that an identifier stands for, as in `keras.losses.get`.

    Args:
        identifier: an object; a name, in which case and underscores do not matter (`"upgrad"`,
            `"UPGrad"`, `"aligned_mtl"`); a config of a file; or `None`, which stays `None`.

    Raises:
        ValueError: if no rule has the name, or a file could not restore the object.
        TypeError: if it is none of these.

    Example:
        >>> import keras_multiloss as kml
        >>> kml.aggregation.get("Aligned_MTL")
        <AlignedMTL(scale='min', preference=None)>
    """
    rule: Aggregator | None = NAMES.get("kml.aggregation.get", identifier)
    return rule
