"""Losses and rules from what users name them by."""

import pytest

import keras_multiloss as kml
from keras_multiloss import aggregation as ka
from keras_multiloss import weighting as kw
from keras_multiloss._saving import serialize
from tests.losses.messages import exactly


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("dwa", kw.DynamicWeightAverage),
        ("DWA", kw.DynamicWeightAverage),
        ("DynamicWeightAverage", kw.DynamicWeightAverage),
        ("dynamicweightaverage", kw.DynamicWeightAverage),
        ("uw", kw.UncertaintyWeighting),
        ("UncertaintyWeighting", kw.UncertaintyWeighting),
        ("rlw", kw.RandomLossWeighting),
        ("gls", kw.GeometricMeanWeighting),
        ("imtl_l", kw.ImpartialLossWeighting),
        ("IMTL-L", kw.ImpartialLossWeighting),
        ("stch", kw.SmoothTchebycheffWeighting),
        ("SoftAdapt", kw.SoftAdaptWeighting),
    ],
)
def test_weightings_have_the_names_of_papers(name, cls):
    assert type(kw.get(name)) is cls
    terms = kml.LossTerm("mse", "a") + kml.LossTerm("mse", "b")
    assert type(kml.WeightedSumLoss(terms, weighting=name).weighting) is cls


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("UPGrad", ka.UPGrad),
        ("aligned_mtl", ka.AlignedMTL),
        ("AlignedMTL", ka.AlignedMTL),
        ("alignedmtl", ka.AlignedMTL),
        ("PCGrad", ka.PCGrad),
        ("pc_grad", ka.PCGrad),
        ("nash-mtl", ka.NashMTL),
        ("DB_MTL", ka.DBMTL),
        ("gem", ka.DualProj),
    ],
)
def test_case_and_underscores_of_an_aggregator_do_not_count(name, cls):
    assert type(ka.get(name)) is cls
    assert type(kml.GradientBalancer(["a", "b"], "UPGrad").aggregator) is ka.UPGrad


@pytest.mark.parametrize("get", [kw.get, ka.get])
def test_none_stays_none(get):
    assert get(None) is None


@pytest.mark.parametrize(
    ("get", "rule"),
    [(kw.get, kw.DynamicWeightAverage(temperature=3.0)), (ka.get, ka.CAGrad(c=0.3))],
    ids=["weighting", "aggregator"],
)
def test_objects_and_configs_are_taken(get, rule):
    assert get(rule) is rule
    assert repr(get(serialize(rule))) == repr(rule)


@pytest.mark.parametrize(
    ("get", "name", "nearest"),
    [
        (kw.get, "uncertainity", "uncertainty"),
        (kw.get, "Famoo", "famo"),
        (kw.get, "imtl", "imtl_l"),
        (ka.get, "upgrade", "upgrad"),
        (ka.get, "NashMLT", "nash_mtl"),
    ],
)
def test_a_misspelt_name_suggests_the_nearest(get, name, nearest):
    with pytest.raises(ValueError, match=rf"(?s)does not name an? \w+.*did you mean '{nearest}'\?"):
        get(name)


def test_the_message_for_an_unknown_weighting():
    terms = kml.LossTerm("mse", "a") + kml.LossTerm("mse", "b")
    message = exactly(
        "WeightedSumLoss: `weighting` does not name a weighting.",
        "  Expected: one of ['dynamic_weight_average', 'famo', 'geometric_mean', "
        "'impartial_loss', 'random_loss', 'relobralo', 'residual_norm', 'smooth_tchebycheff', "
        "'soft_adapt', 'static', 'uncertainty']",
        "  Received: 'uncertanty'",
        "  Hint: did you mean 'uncertainty'?",
    )
    with pytest.raises(ValueError, match=message):
        kml.WeightedSumLoss(terms, weighting="uncertanty")


@pytest.mark.parametrize(
    ("get", "name", "written"),
    [(kw.get, "scheduled", "ScheduledWeighting"), (ka.get, "CRMOGM", r"CRMOGM\('mgda'\)")],
)
def test_a_rule_that_needs_arguments_says_how_to_write_it(get, name, written):
    with pytest.raises(ValueError, match=f"(?s)that needs arguments.*{written}"):
        get(name)


@pytest.mark.parametrize(("get", "what"), [(kw.get, "a weighting"), (ka.get, "an aggregator")])
@pytest.mark.parametrize("wrong", [3, kw.FamoWeighting, object()])
def test_other_things_are_refused(get, what, wrong):
    with pytest.raises(TypeError, match=f"`identifier` must be {what}"):
        get(wrong)


def test_a_sum_is_not_a_loss_of_one_output():
    total = kml.LossTerm("mse", "a") + kml.LossTerm("mse", "b")
    for take in (kml.losses.MaskedLoss, kml.losses.DeepSupervisionLoss):
        with pytest.raises(TypeError, match="is itself a sum of terms"):
            take(total)
