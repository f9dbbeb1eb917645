"""`WeightedSumLoss(weighting=...)`: what is accepted, refused, kept."""

import pytest

import keras_multiloss as kml
from keras_multiloss import weighting as kw
from keras_multiloss._platform import keras

TERMS = kml.LossTerm("mse", "age") + kml.LossTerm("mae", "height")


def test_a_name_becomes_an_object():
    assert isinstance(kml.WeightedSumLoss(TERMS, weighting="famo").weighting, kw.FamoWeighting)


def test_a_class_in_place_of_an_object_is_refused():
    with pytest.raises(TypeError, match="call the class to make an object"):
        kml.WeightedSumLoss(TERMS, weighting=kw.FamoWeighting)


def test_an_unregistered_rule_is_refused():
    class Own(kw.Weighting):
        def weights(self, losses, state):
            return losses

    with pytest.raises(ValueError, match="its class is not registered with Keras"):
        kml.WeightedSumLoss(TERMS, weighting=Own())


@pytest.mark.parametrize(
    "weighting",
    [
        kw.UncertaintyWeighting(classification=["agee"]),
        kw.SmoothTchebycheffWeighting(preferences={"agee": 2.0}),
        kw.ScheduledWeighting({"agee": keras.optimizers.schedules.CosineDecay(1.0, 10)}),
        kw.LogTransform(kw.UncertaintyWeighting(classification=["agee"])),
    ],
    ids=lambda weighting: type(weighting).__name__,
)
def test_a_name_that_is_no_term_is_found_when_the_sum_is_built(weighting):
    with pytest.raises(ValueError, match="did you mean 'age'"):
        kml.WeightedSumLoss(TERMS, weighting=weighting)


def test_a_term_may_not_have_the_name_of_the_penalty():
    terms = TERMS + kml.LossTerm("mse", "age", name="weighting")
    kml.WeightedSumLoss(terms, weighting="geometric_mean")
    with pytest.raises(ValueError, match="the log of term 'weighting' would have the name"):
        kml.WeightedSumLoss(terms, weighting="uncertainty")


def test_a_factor_keeps_the_weighting():
    loss = 0.5 * kml.WeightedSumLoss(TERMS, weighting="geometric_mean")
    assert isinstance(loss.weighting, kw.GeometricMeanWeighting)
    assert [term.weight for term in loss.terms] == [0.5, 0.5]


def test_a_sum_with_a_penalty_is_not_multiplied():
    loss = kml.WeightedSumLoss(TERMS, weighting="uncertainty")
    with pytest.raises(ValueError, match="to scale the whole loss, change the learning rate"):
        3 * loss


def test_a_call_without_a_host_says_who_owns_the_state():
    loss = kml.WeightedSumLoss(TERMS, weighting="static")
    with pytest.raises(ValueError, match="whose state only a layer can own"):
        loss({"age": [1.0], "height": [1.0]}, {"age": [1.0], "height": [1.0]})


def test_a_config_keeps_the_weighting():
    loss = kml.WeightedSumLoss(TERMS, weighting=kw.DynamicWeightAverage(temperature=3.0))
    restored = kml.WeightedSumLoss.from_config(loss.get_config())
    assert restored.weighting.temperature == 3.0
    assert restored.get_config() == loss.get_config()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: kw.DynamicWeightAverage(temperature=0), "`temperature` must be above 0"),
        (lambda: kw.FamoWeighting(weight_decay=-1), "`weight_decay` must be 0 or more"),
        (lambda: kw.RelobraloWeighting(alpha=1.5), "`alpha` is out of range"),
        (lambda: kw.SmoothTchebycheffWeighting(preferences={"a": 0}), r"`preferences\['a'\]`"),
        (lambda: kw.UncertaintyWeighting(min_log_variance=1), "is not within its bounds"),
        (
            lambda: kw.UncertaintyWeighting(regularizer="log"),
            "`regularizer` is not one of",
        ),
        (lambda: kw.LogTransform("logarithm"), "`inner` does not name a weighting"),
    ],
    ids=["temperature", "decay", "alpha", "preference", "bounds", "regularizer", "inner"],
)
def test_arguments_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("schedules", [{}, [1.0], {"age": 0.5}], ids=["empty", "list", "number"])
def test_schedules_are_a_dict_of_schedules(schedules):
    with pytest.raises(TypeError, match="ScheduledWeighting"):
        kw.ScheduledWeighting(schedules)


def test_a_seed_is_an_integer():
    with pytest.raises(TypeError, match="`seed` must be an integer"):
        kw.RandomLossWeighting(seed=1.5)
