r"""Weightings: rules that set the weights of a sum from its losses.

>>> import keras_multiloss as kml
>>> terms = kml.LossTerm("mse", "age") + kml.LossTerm("mae", "height")
>>> loss = kml.WeightedSumLoss(terms, weighting="uncertainty")

A rule is a pure function of the term losses and of its state, which a layer of the host owns
and saves. `Weighting` is the base class for rules of your own.
"""

from typing import Any

from keras_multiloss.weighting._dynamic_average import DynamicWeightAverage
from keras_multiloss.weighting._famo import FamoWeighting
from keras_multiloss.weighting._geometric import GeometricMeanWeighting
from keras_multiloss.weighting._impartial import ImpartialLossWeighting
from keras_multiloss.weighting._log_transform import LogTransform
from keras_multiloss.weighting._random_loss import RandomLossWeighting
from keras_multiloss.weighting._relobralo import RelobraloWeighting
from keras_multiloss.weighting._residual_norm import ResidualNormWeighting
from keras_multiloss.weighting._scheduled import ScheduledWeighting
from keras_multiloss.weighting._schedules import check_weight as check_weight
from keras_multiloss.weighting._schedules import scaled as scaled
from keras_multiloss.weighting._schedules import value_at as value_at
from keras_multiloss.weighting._soft_adapt import SoftAdaptWeighting
from keras_multiloss.weighting._static import StaticWeighting
from keras_multiloss.weighting._tchebycheff import SmoothTchebycheffWeighting
from keras_multiloss.weighting._uncertainty import UncertaintyWeighting
from keras_multiloss.weighting._weighting import StateVariable, Weighting
from keras_multiloss.weighting._weightings_by_name import checked_weighting as checked_weighting
from keras_multiloss.weighting._weightings_by_name import get

__all__ = [
    "DynamicWeightAverage",
    "FamoWeighting",
    "GeometricMeanWeighting",
    "ImpartialLossWeighting",
    "LogTransform",
    "RandomLossWeighting",
    "RelobraloWeighting",
    "ResidualNormWeighting",
    "ScheduledWeighting",
    "SmoothTchebycheffWeighting",
    "SoftAdaptWeighting",
    "StateVariable",
    "StaticWeighting",
    "UncertaintyWeighting",
    "Weighting",
    "get",
]


def __getattr__(name: str) -> Any:
    """Names of earlier versions."""
    if name == "Slot":
        return StateVariable
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
