"""Weightings by name."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import unknown_name
from keras_multiloss._saveable import check_rule
from keras_multiloss.weighting._base import Weighting
from keras_multiloss.weighting._dynamic_average import DynamicWeightAverage
from keras_multiloss.weighting._famo import FamoWeighting
from keras_multiloss.weighting._geometric import GeometricMeanWeighting
from keras_multiloss.weighting._impartial import ImpartialLossWeighting
from keras_multiloss.weighting._random import RandomLossWeighting
from keras_multiloss.weighting._relobralo import RelobraloWeighting
from keras_multiloss.weighting._soft_adapt import SoftAdaptWeighting
from keras_multiloss.weighting._static import StaticWeighting
from keras_multiloss.weighting._tchebycheff import SmoothTchebycheffWeighting
from keras_multiloss.weighting._uncertainty import UncertaintyWeighting

#: The rules that need no arguments.
BY_NAME: dict[str, type[Weighting]] = {
    "dynamic_weight_average": DynamicWeightAverage,
    "famo": FamoWeighting,
    "geometric_mean": GeometricMeanWeighting,
    "impartial_loss": ImpartialLossWeighting,
    "random_loss": RandomLossWeighting,
    "relobralo": RelobraloWeighting,
    "smooth_tchebycheff": SmoothTchebycheffWeighting,
    "soft_adapt": SoftAdaptWeighting,
    "static": StaticWeighting,
    "uncertainty": UncertaintyWeighting,
}


def get(where: str, argument: str, weighting: Any) -> Weighting:
    """The rule that an object or a name stands for.

    Raises:
        ValueError: if no rule has the name, or a file could not restore the object.
        TypeError: if it is no weighting.
    """
    if isinstance(weighting, str):
        if weighting not in BY_NAME:
            problem = f"`{argument}` names no weighting"
            raise unknown_name(where, problem, weighting, BY_NAME)
        return BY_NAME[weighting]()
    rule: Weighting = check_rule(where, argument, weighting, Weighting, "kml.weighting")
    return rule
