"""`term_weights`: read, assigned, kept by files, set by callbacks."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras
from tests.losses.messages import exactly
from tests.weighting.hosts import OPTIONS, RAMP, hosted, spec, term_weights, values_of

both_hosts = pytest.mark.parametrize("host", ["model", "layer"])


def set_weights(weights):
    return kml.callbacks.TermWeightScheduler({"sex": weights.__getitem__})


def test_constant_weights_can_be_read():
    model, _ = hosted("model", spec(None))
    assert dict(model.term_weights) == {"age": 0.5, "sex": 1.0, "size": 0.1}
    assert repr(model.term_weights) == "{'age': 0.5, 'sex': 1.0, 'size': 0.1}"


@both_hosts
def test_an_assigned_weight_acts_in_the_next_evaluation(host):
    model, data = hosted(host, spec("static"))
    before = model.evaluate(*data, verbose=0, return_dict=True)["loss"]
    for name in ("age", "sex", "size"):
        term_weights(model)[name] = 2.0
    assert dict(term_weights(model)) == pytest.approx({"age": 1.0, "sex": 2.0, "size": 0.2})
    after = model.evaluate(*data, verbose=0, return_dict=True)["loss"]
    assert after == pytest.approx(2 * before, rel=1e-6)


def test_a_callback_sets_weights_inside_a_running_fit():
    weights = [1.0, 0.0, 0.25]
    model, data = hosted("model", spec("static"))
    logs = model.fit(*data, epochs=3, callbacks=[set_weights(weights)], **OPTIONS).history
    assert logs["sex_weight"] == pytest.approx(weights)
    total = sum(np.multiply(logs[f"{n}_weight"], logs[f"{n}_loss"]) for n in ("age", "sex", "size"))
    np.testing.assert_allclose(total, logs["loss"], rtol=1e-5)


@both_hosts
@pytest.mark.sample(1)
def test_a_callback_gives_the_same_model_as_a_schedule(host):
    weights = [1.0, 0.0, 0.25]
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([2, 5], weights)
    found = []
    for loss, callbacks in [
        (spec("static"), [set_weights(weights)]),
        (spec(None, weight=schedule), []),  # three steps an epoch
    ]:
        keras.utils.set_random_seed(3)
        model, data = hosted(host, loss)
        model.fit(*data, epochs=3, callbacks=callbacks, **OPTIONS)
        found.append(model.get_layer("hidden").get_weights()[0])
    # Traced with a variable and with a schedule: equal but for the last bits.
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5, atol=1e-7)


@both_hosts
def test_a_file_keeps_an_assigned_weight(host, model_path):
    model, data = hosted(host, spec("static"))
    model.fit(*data, **OPTIONS)
    term_weights(model)["sex"] = 0.125
    model.save(model_path)
    reloaded = keras.saving.load_model(model_path)
    assert term_weights(reloaded)["sex"] == 0.125
    expected = model.evaluate(*data, verbose=0, return_dict=True)
    assert reloaded.evaluate(*data, verbose=0, return_dict=True) == pytest.approx(expected)


def test_a_weight_of_zero_switches_a_term_off():
    model, data = hosted("model", spec("static"), keras.optimizers.SGD(0.1))
    model.term_weights["sex"] = 0.0
    before = model.get_layer("sex").get_weights()[0]
    model.fit(*data, **OPTIONS)
    np.testing.assert_array_equal(model.get_layer("sex").get_weights()[0], before)


def test_the_weights_of_a_rule_are_those_of_the_last_step():
    model, data = hosted("model", spec("geometric_mean"))
    logs = model.fit(*data, batch_size=24, shuffle=False, verbose=0).history
    for name in ("age", "sex", "size"):
        assert model.term_weights[name] == pytest.approx(logs[f"{name}_weight"][0], rel=1e-5)


def test_a_schedule_is_read_at_the_present_step():
    model, data = hosted("model", spec(None, weight=RAMP))
    model.fit(*data, **OPTIONS)
    assert model.term_weights["sex"] == pytest.approx(float(np.asarray(RAMP(3))), rel=1e-6)


@pytest.mark.parametrize(
    ("loss", "why"),
    [
        (spec(None), "is constant"),
        (spec("famo"), "is set by FamoWeighting"),
        (spec("static", weight=RAMP), "follows a schedule"),
    ],
    ids=["constant", "famo", "schedule"],
)
def test_a_weight_that_is_not_open_to_change_says_what_to_do(loss, why):
    model, _ = hosted("model", loss)
    message = exactly(
        f"term_weights: the weight of term 'sex' {why}.",
        "  Expected: a sum whose weights are open to change",
        "  Received: term_weights['sex'] = 0.5",
        '  Hint: compile with WeightedSumLoss(terms, weighting="static")',
    )
    with pytest.raises(ValueError, match=message):
        model.term_weights["sex"] = 0.5


def test_an_unknown_term_lists_those_there_are():
    model, _ = hosted("model", spec("static"))
    message = exactly(
        "term_weights: there is no such term.",
        "  Expected: one of ['age', 'sex', 'size']",
        "  Received: 'sexx'",
        "  Hint: did you mean 'sex'?",
    )
    with pytest.raises(ValueError, match=message):
        model.term_weights["sexx"] = 0.5


@pytest.mark.parametrize("weight", [float("nan"), "0.5", None])
def test_what_is_no_finite_number_is_refused(weight):
    model, _ = hosted("model", spec("static"))
    before = values_of(model)
    with pytest.raises((TypeError, ValueError), match="term_weights"):
        model.term_weights["sex"] = weight
    assert values_of(model) == before


def test_a_term_cannot_be_deleted():
    model, _ = hosted("model", spec("static"))
    with pytest.raises(TypeError, match=r"term_weights\[name\] = 0.0, which switches it off"):
        del model.term_weights["sex"]


def test_a_model_without_a_total_loss_says_so():
    model, _ = hosted("model", spec("static"))
    model.compile("sgd", loss={"age": "mse", "sex": "mse"})
    with pytest.raises(ValueError, match="the model has no total loss"):
        _ = model.term_weights


def test_the_layer_has_the_weights_too():
    model, _ = hosted("layer", spec("static"))
    layer = next(x for x in model.layers if isinstance(x, kml.WeightedSumLossLayer))
    layer.term_weights["sex"] = 0.75
    assert layer.term_weights["sex"] == 0.75
