"""Models compiled with a weighting, in either host."""

import pytest

import keras_multiloss as kml
from keras_multiloss import weighting as kw
from keras_multiloss._platform import keras
from tests.conftest import two_heads, two_heads_data

OPTIONS = {"batch_size": 8, "shuffle": False, "verbose": 0}
TERMS = ["age", "sex", "size"]
RAMP = keras.optimizers.schedules.PolynomialDecay(0.2, 9, 1.0)

#: A rule of each kind, as a function: rules that draw have a seed.
RULES = {
    "static": kw.StaticWeighting,
    "scheduled": lambda: kw.ScheduledWeighting({"sex": RAMP}),
    "uncertainty": lambda: kw.UncertaintyWeighting(classification=["sex"]),
    "dynamic_weight_average": kw.DynamicWeightAverage,
    "random_normal": lambda: kw.RandomLossWeighting(seed=3),
    "random_dirichlet": lambda: kw.RandomLossWeighting("dirichlet", seed=3),
    "geometric_mean": kw.GeometricMeanWeighting,
    "impartial": kw.ImpartialLossWeighting,
    "tchebycheff": lambda: kw.SmoothTchebycheffWeighting(preferences={"sex": 2.0}),
    "famo": kw.FamoWeighting,
    "soft_adapt": lambda: kw.SoftAdaptWeighting(normalized=True),
    "relobralo": lambda: kw.RelobraloWeighting(alpha=0.9, keep_probability=0.5, seed=3),
    "residual_norm": kw.ResidualNormWeighting,
    "log": lambda: kw.LogTransform("static"),
    "log_of_uncertainty": lambda: kw.LogTransform("uncertainty"),
}

#: One of each kind: trained, by epoch, with moments of its own, random, wrapped. The others
#: take a minute a lane, and are left to `make test-slow`.
SAMPLE = {"uncertainty", "dynamic_weight_average", "famo", "random_normal", "log_of_uncertainty"}


def every_rule():
    """Names of rules as parameters: a sample, and the others marked as slow."""
    return [pytest.param(rule, marks=() if rule in SAMPLE else pytest.mark.slow) for rule in RULES]


def spec(weighting, **sex):
    terms = kml.LossTerm("mse", "age", weight=0.5) + kml.LossTerm(
        "binary_crossentropy", "sex", **sex
    )
    terms += kml.LossTerm("mae", "age", name="size", weight=0.1)
    return kml.WeightedSumLoss(terms, weighting=weighting)


def hosted(host, loss, optimizer="adam"):
    """A model compiled in a host, and data for it."""
    x, y = two_heads_data()
    if host == "model":
        model = kml.MultiLossModel.from_model(two_heads())
        model.compile(optimizer, loss=loss)
        return model, (x, y)
    model = kml.attach_losses(two_heads(), loss)
    model.compile(optimizer)
    return model, ({"x": x, "age_label": y["age"], "sex_label": y["sex"]},)


def term_weights(model):
    """The view of a model in either host."""
    if isinstance(model, kml.models.MultiLossMixin):
        return model.term_weights
    return loss_layer(model).term_weights


def loss_layer(model):
    return next(x for x in model.layers if isinstance(x, kml.WeightedSumLossLayer))


def state_of(model):
    """The layer that holds the state."""
    return term_weights(model)._state


def values_of(model):
    """What moves: the weights of the state layer."""
    return [weight.tolist() for weight in state_of(model).get_weights()]
