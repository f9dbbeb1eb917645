r"""Weightings: rules that set the weights of a sum from its losses.

>>> import keras_multiloss as kml
>>> terms = kml.LossTerm("mse", "age") + kml.LossTerm("mae", "height")
>>> loss = kml.WeightedSumLoss(terms, weighting="uncertainty")

A rule is a pure function of the term losses and of its state, which a layer of the host owns
and saves. `Weighting` is the base class of one's own.
"""

from keras_multiloss.weighting._base import Slot, Weighting
from keras_multiloss.weighting._dynamic_average import DynamicWeightAverage
from keras_multiloss.weighting._famo import FamoWeighting
from keras_multiloss.weighting._geometric import GeometricMeanWeighting
from keras_multiloss.weighting._impartial import ImpartialLossWeighting
from keras_multiloss.weighting._log_transform import LogTransform
from keras_multiloss.weighting._lookup import get as get
from keras_multiloss.weighting._random import RandomLossWeighting
from keras_multiloss.weighting._relobralo import RelobraloWeighting
from keras_multiloss.weighting._scheduled import ScheduledWeighting
from keras_multiloss.weighting._soft_adapt import SoftAdaptWeighting
from keras_multiloss.weighting._static import StaticWeighting
from keras_multiloss.weighting._tchebycheff import SmoothTchebycheffWeighting
from keras_multiloss.weighting._uncertainty import UncertaintyWeighting

__all__ = [
    "DynamicWeightAverage",
    "FamoWeighting",
    "GeometricMeanWeighting",
    "ImpartialLossWeighting",
    "LogTransform",
    "RandomLossWeighting",
    "RelobraloWeighting",
    "ScheduledWeighting",
    "Slot",
    "SmoothTchebycheffWeighting",
    "SoftAdaptWeighting",
    "StaticWeighting",
    "UncertaintyWeighting",
    "Weighting",
]
