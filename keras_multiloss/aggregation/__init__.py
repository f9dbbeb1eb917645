r"""Aggregators: rules that combine the gradients of several tasks into one.

Where tasks share parameters, each has a gradient of its own there: the rows $g_i$ of a Jacobian
$J$. Plain training adds them up, and they may point against each other. A rule weighs them by
their lengths and angles,

$$d = J^\top w(G),\quad G = J J^\top$$

so that it needs the Gramian $G$ only, one number for each pair of tasks. `GradDrop`, `TrimmedMean`,
`MoCo`, `ExcessMTL`, `DBMTL` and `LearningRateAnnealing` see each entry of the gradients instead.
Only gradients of shared parameters are combined: what one task alone reaches, such as its head,
keeps the gradient of that task's weighted loss, with every rule and in both hosts.

>>> import numpy as np
>>> import keras_multiloss as kml
>>> gradient = kml.aggregation.UPGrad()(np.array([[1.0, 0.0], [0.0, 3.0]]))
>>> [round(float(x), 4) for x in gradient]
[0.5, 1.5]

`UPGrad`, `DualProj`, `MGDA` and `CAGrad` avoid conflict; `IMTLG`, `NashMTL`, `FairGrad`, `ConFIG`
and `AlignedMTL` make tasks count alike, and `ShareOfGradient` as much as you say;
`LearningRateAnnealing` is for physics-informed networks; `Krum` and `TrimmedMean` leave out
outliers; `PCGrad`, `GradVac`, `GradDrop` and `Random` use random numbers. `Sum` is plain training,
for comparison.

`GradVac`, `GradNorm`, `MoCo`, `ExcessMTL`, `DBMTL`, `PCD`, `ShareOfGradient` and
`LearningRateAnnealing` keep state from earlier steps, and `CRMOGM` averages the weights of another
rule over them. `Aggregator` is the base class for rules of your own.
"""

from keras_multiloss.aggregation._aggregator import Aggregator
from keras_multiloss.aggregation._aggregators_by_name import (
    checked_aggregator as checked_aggregator,
)
from keras_multiloss.aggregation._aggregators_by_name import get
from keras_multiloss.aggregation._aligned_mtl import AlignedMTL
from keras_multiloss.aggregation._cagrad import CAGrad
from keras_multiloss.aggregation._conflict_free import ConFIG
from keras_multiloss.aggregation._cr_mogm import CRMOGM
from keras_multiloss.aggregation._db_mtl import DBMTL
from keras_multiloss.aggregation._dual_proj import DualProj
from keras_multiloss.aggregation._excess_mtl import ExcessMTL
from keras_multiloss.aggregation._fair_grad import FairGrad
from keras_multiloss.aggregation._grad_drop import GradDrop
from keras_multiloss.aggregation._grad_norm import GradNorm
from keras_multiloss.aggregation._grad_vac import GradVac
from keras_multiloss.aggregation._imtl_g import IMTLG
from keras_multiloss.aggregation._jacobian_blocks import combine_blocks as combine_blocks
from keras_multiloss.aggregation._jacobian_blocks import split_columns as split_columns
from keras_multiloss.aggregation._jacobian_blocks import stacked_gradients as stacked_gradients
from keras_multiloss.aggregation._krum import Krum
from keras_multiloss.aggregation._learning_rate_annealing import LearningRateAnnealing
from keras_multiloss.aggregation._mean import Constant, Mean, Sum
from keras_multiloss.aggregation._mgda import MGDA
from keras_multiloss.aggregation._moco import MoCo
from keras_multiloss.aggregation._nash_mtl import NashMTL
from keras_multiloss.aggregation._pcd import PCD
from keras_multiloss.aggregation._pcgrad import PCGrad
from keras_multiloss.aggregation._random_combination import Random
from keras_multiloss.aggregation._share_of_gradient import ShareOfGradient
from keras_multiloss.aggregation._trimmed_mean import TrimmedMean
from keras_multiloss.aggregation._upgrad import UPGrad

__all__ = [  # noqa: RUF022 (classes in capitals are no constants)
    "Aggregator",
    "AlignedMTL",
    "CAGrad",
    "CRMOGM",
    "ConFIG",
    "Constant",
    "DBMTL",
    "DualProj",
    "ExcessMTL",
    "FairGrad",
    "GradDrop",
    "GradNorm",
    "GradVac",
    "IMTLG",
    "Krum",
    "LearningRateAnnealing",
    "MGDA",
    "Mean",
    "MoCo",
    "NashMTL",
    "PCD",
    "PCGrad",
    "Random",
    "ShareOfGradient",
    "Sum",
    "TrimmedMean",
    "UPGrad",
    "get",
]
