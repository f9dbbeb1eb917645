"""Weightings by name."""

from __future__ import annotations

from typing import Any

from keras_multiloss._saving import RuleNames
from keras_multiloss.weighting._dynamic_average import DynamicWeightAverage
from keras_multiloss.weighting._famo import FamoWeighting
from keras_multiloss.weighting._geometric import GeometricMeanWeighting
from keras_multiloss.weighting._impartial import ImpartialLossWeighting
from keras_multiloss.weighting._random_loss import RandomLossWeighting
from keras_multiloss.weighting._relobralo import RelobraloWeighting
from keras_multiloss.weighting._residual_norm import ResidualNormWeighting
from keras_multiloss.weighting._soft_adapt import SoftAdaptWeighting
from keras_multiloss.weighting._static import StaticWeighting
from keras_multiloss.weighting._tchebycheff import SmoothTchebycheffWeighting
from keras_multiloss.weighting._uncertainty import UncertaintyWeighting
from keras_multiloss.weighting._weighting import Weighting

NAMES = RuleNames(
    base=Weighting,
    kind="a weighting",
    source="kml.weighting",
    by_name={
        "dynamic_weight_average": DynamicWeightAverage,
        "famo": FamoWeighting,
        "geometric_mean": GeometricMeanWeighting,
        "impartial_loss": ImpartialLossWeighting,
        "random_loss": RandomLossWeighting,
        "relobralo": RelobraloWeighting,
        "residual_norm": ResidualNormWeighting,
        "smooth_tchebycheff": SmoothTchebycheffWeighting,
        "soft_adapt": SoftAdaptWeighting,
        "static": StaticWeighting,
        "uncertainty": UncertaintyWeighting,
    },
    short_names={
        "dwa": "dynamic_weight_average",
        "gls": "geometric_mean",
        "imtl_l": "impartial_loss",
        "res_norm": "residual_norm",
        "rlw": "random_loss",
        "stch": "smooth_tchebycheff",
        "uw": "uncertainty",
    },
    with_arguments={"scheduled": "ScheduledWeighting({'term': schedule})"},
)


def checked_weighting(where: str, argument: str, identifier: Any) -> Weighting:
    """The rule that an object or a name stands for; raises for anything else."""
    rule: Weighting = NAMES.rule(where, argument, identifier)
    return rule


def get(identifier: Any) -> Weighting | None:
    """The weighting that an identifier stands for, as in `keras.losses.get`.

    Args:
        identifier: an object; a name, in which case and underscores do not matter (`"uncertainty"`,
            `"DWA"`, `"imtl_l"`); a config of a file; or `None`, which stays `None`.

    Raises:
        ValueError: if no rule has the name, or a file could not restore the object.
        TypeError: if it is none of these.

    Example:
        >>> import keras_multiloss as kml
        >>> kml.weighting.get("DWA")
        <DynamicWeightAverage(temperature=2.0)>
    """
    rule: Weighting | None = NAMES.get("kml.weighting.get", identifier)
    return rule
