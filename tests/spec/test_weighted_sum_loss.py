"""`WeightedSumLoss`: a sum of terms, by name."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import keras_multiloss as kml
from keras_multiloss._platform import keras
from tests.conftest import two_heads, two_heads_data
from tests.lanes import needs_keras_3

RNG = np.random.default_rng(0)
OUTPUTS = {name: RNG.normal(size=(6, 1)).astype("float32") for name in "abc"}
LABELS = {name: RNG.normal(size=(6, 1)).astype("float32") for name in "abc"}


def mse(name):
    return float(np.mean((OUTPUTS[name] - LABELS[name]) ** 2))


def test_the_total_is_the_weighted_sum():
    loss = kml.LossTerm("mse", "a") + 0.5 * kml.LossTerm("mse", "b") + kml.LossTerm("mse", "c") * 2
    # NumPy sums in another order.
    assert float(loss(LABELS, OUTPUTS)) == pytest.approx(
        mse("a") + 0.5 * mse("b") + 2 * mse("c"), rel=1e-6
    )


def test_sums_flatten_and_scale():
    a, b, c = (kml.LossTerm("mse", name) for name in "abc")
    nested = 2 * (a + 3 * (b + c))
    assert [term.weight for term in nested.terms] == [2.0, 6.0, 6.0]
    assert nested.names == ["a", "b", "c"]
    assert sum([a, b, c]).names == ["a", "b", "c"]
    assert kml.WeightedSumLoss([a + b, c]).names == ["a", "b", "c"]


def test_names_stay_unique():
    again = kml.LossTerm("mse", "a") + kml.LossTerm("mae", "a") + kml.LossTerm("mse", "a")
    assert again.names == [
        "a_mean_squared_error",
        "a_mean_absolute_error",
        "a_mean_squared_error_2",
    ]


def test_a_name_that_was_given_is_not_taken_by_a_default():
    named = kml.LossTerm("mse", "b", name="a_mean_squared_error")
    loss = kml.LossTerm("mse", "a") + named + kml.LossTerm("mae", "a")
    assert len(set(loss.names)) == 3
    assert "a_mean_squared_error" in loss.names


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(["a", "b", "c"]))
def test_the_order_of_terms_is_irrelevant(order):
    weights = {"a": 1, "b": 2, "c": 3}
    terms = {name: kml.LossTerm("mse", name, weight=w) for name, w in weights.items()}
    total = float(kml.WeightedSumLoss([terms[name] for name in order])(LABELS, OUTPUTS))
    # float32 sums in another order
    assert total == pytest.approx(mse("a") + 2 * mse("b") + 3 * mse("c"), rel=1e-6)


@settings(max_examples=20, deadline=None)
@given(factor=st.floats(-10, 10))
def test_a_factor_scales_the_total(factor):
    loss = kml.LossTerm("mse", "a") + kml.LossTerm("mae", "b")
    scaled = float((factor * loss)(LABELS, OUTPUTS))
    assert scaled == pytest.approx(factor * float(loss(LABELS, OUTPUTS)), rel=1e-5, abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(garbage=st.floats(-1e6, 1e6, width=32))
def test_outputs_whose_label_is_missing_never_matter(garbage):
    labels = {"a": LABELS["a"].copy()}
    labels["a"][2:4] = np.nan
    outputs = {"a": OUTPUTS["a"].copy()}
    outputs["a"][2:4] = garbage
    loss = kml.WeightedSumLoss([kml.LossTerm("mse", "a", mask="nan")])
    kept = [0, 1, 4, 5]
    expected = np.mean((OUTPUTS["a"][kept] - LABELS["a"][kept]) ** 2)
    # NumPy sums in another order.
    assert float(loss(labels, outputs)) == pytest.approx(expected, rel=1e-6)


def test_all_labels_missing_gives_zero():
    loss = kml.WeightedSumLoss([kml.LossTerm("mse", "a", mask="nan")])
    assert float(loss({"a": np.full((6, 1), np.nan, "float32")}, OUTPUTS)) == 0.0


def test_a_term_of_weight_zero_stays_out_of_the_total_even_if_it_is_nan():
    loss = kml.LossTerm("mse", "a") + 0.0 * kml.LossTerm("mse", "b")
    labels = {**LABELS, "b": np.full((6, 1), np.nan, "float32")}
    assert float(loss(labels, OUTPUTS)) == pytest.approx(mse("a"), rel=1e-6)
    assert np.isnan(float(loss.term_losses(labels, OUTPUTS)["b"]))


def test_sample_weights_come_as_an_array_or_by_name():
    loss = kml.LossTerm("mse", "a") + kml.LossTerm("mse", "b", sample_weight="trust")
    half, zero = np.full(6, 0.5, "float32"), np.zeros(6, "float32")
    by_name = loss.term_losses(LABELS, OUTPUTS, {"a": half, "trust": zero})
    assert float(by_name["a"]) == pytest.approx(0.5 * mse("a"), rel=1e-6)
    assert float(by_name["b"]) == 0.0
    array = loss.term_losses(LABELS, OUTPUTS, half)
    assert float(array["b"]) == pytest.approx(0.5 * mse("b"), rel=1e-6)
    with pytest.raises(ValueError, match="names a sample weight that is not in the data"):
        loss.term_losses(LABELS, OUTPUTS, {"a": half})


def test_a_label_under_a_name_much_like_that_of_a_skipped_term_is_an_error():
    loss = kml.LossTerm("mse", "a", "purchase", required=False) + kml.LossTerm("mse", "b")
    with pytest.raises(ValueError, match="did you mean 'purchases'"):
        loss({"purchases": LABELS["a"], "b": LABELS["b"]}, OUTPUTS)
    assert set(loss.term_losses({"b": LABELS["b"]}, OUTPUTS)) == {"b"}


def test_one_output_where_several_are_named_is_an_error():
    loss = kml.LossTerm("mse", "a") + kml.LossTerm("mse", "b")
    with pytest.raises(ValueError, match="it was given one output, and its terms name several"):
        loss(LABELS["a"], OUTPUTS["a"])


def test_weights_follow_their_schedule():
    schedule = keras.optimizers.schedules.PolynomialDecay(1.0, 10, 0.0)
    loss = kml.LossTerm("mse", "a", weight=schedule) + 0.5 * kml.LossTerm("mse", "b")
    weights = {name: float(value) for name, value in loss.weights_at(5).items()}
    assert weights == {"a": 0.5, "b": 0.5}
    assert float((2 * loss).weights_at(5)["a"]) == 1.0


def test_what_is_no_term_cannot_be_added():
    with pytest.raises(TypeError):
        kml.LossTerm("mse", "a") + "mse"
    with pytest.raises(TypeError, match="`factor` must be a number"):
        kml.LossTerm("mse", "a") * "2"


@needs_keras_3
def test_it_works_in_compile_of_a_plain_model_with_a_dict_of_outputs(model_path):
    x, y = two_heads_data()
    loss = kml.LossTerm("mse", "age") + 0.5 * kml.LossTerm("mae", "sex")
    model = two_heads()
    model.compile("sgd", loss=[loss])
    model.fit(x, y, verbose=0)
    model.save(model_path)
    expected = float(loss(y, model.predict(x, verbose=0)))
    # Means over two batches against one.
    assert model.evaluate(x, y, verbose=0) == pytest.approx(expected, rel=1e-5)
    reloaded = keras.saving.load_model(model_path)
    assert reloaded.evaluate(x, y, verbose=0) == model.evaluate(x, y, verbose=0)


@needs_keras_3
def test_in_compile_of_a_plain_model_with_a_list_of_outputs_it_says_what_to_use():
    x, y = two_heads_data()
    model = two_heads(as_list=True)
    model.compile("sgd", loss=[kml.LossTerm("mse", "age") + kml.LossTerm("mae", "sex"), None])
    with pytest.raises(ValueError, match=r"MultiLossModel\.from_model"):
        model.fit(x, [y["age"], y["sex"]], verbose=0)


def test_gradients_are_those_of_the_weighted_sum():
    x, y = two_heads_data(6)
    model = kml.MultiLossModel.from_model(two_heads())
    loss = kml.LossTerm("mse", "age") + 3.0 * kml.LossTerm("mse", "sex")
    model.compile(keras.optimizers.SGD(1.0), loss=loss)
    outputs = model.predict(x, verbose=0)
    bias = model.get_layer("age").get_weights()[1]
    model.fit(x, y, batch_size=6, verbose=0)
    # d/db mean((o - y)^2) = 2 mean(o - y)
    expected = bias - 2 * np.mean(outputs["age"] - y["age"])
    after = model.get_layer("age").get_weights()[1]
    np.testing.assert_allclose(after, expected, rtol=1e-5, atol=1e-6)  # float32


def test_a_config_restores_the_sum():
    loss = kml.LossTerm("mse", "a", mask=-1) + 0.5 * kml.LossTerm(keras.losses.Huber(2.0), "b")
    restored = kml.WeightedSumLoss.from_config(loss.get_config())
    assert restored.get_config() == loss.get_config()
    assert float(restored(LABELS, OUTPUTS)) == float(loss(LABELS, OUTPUTS))


TERM = kml.LossTerm("mse", "a").get_config()


@pytest.mark.parametrize(
    ("config", "part"),
    [
        ({"terms": "mse"}, "terms"),
        ({"terms": [{**TERM, "outputs": 0.5}]}, "outputs"),
        ({"terms": [{**TERM, "mask": [1]}]}, "mask"),
        ({"weighting": "magic"}, "weighting"),
        ({"weighting": {"registered_name": "keras_multiloss>Uncertainty"}}, "weighting"),
    ],
    ids=["terms", "outputs", "mask", "weighting", "its class"],
)
def test_a_tampered_config_names_the_part(config, part):
    whole = {"terms": [TERM], "weighting": None, "name": "total"}
    with pytest.raises((ValueError, TypeError), match=part):
        kml.WeightedSumLoss.from_config({**whole, **config})


@pytest.mark.parametrize("key", ["terms", "weighting", "name"])
def test_a_config_that_lost_a_part_is_refused(key):
    config = kml.WeightedSumLoss([kml.LossTerm("mse", "a")], weighting="famo").get_config()
    del config[key]
    with pytest.raises(ValueError, match=f"the config has no '{key}'"):
        kml.WeightedSumLoss.from_config(config)
