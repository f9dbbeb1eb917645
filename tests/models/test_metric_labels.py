"""Compiled metrics: which label they see, and that only what counts is measured."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras
from tests.conftest import two_heads, two_heads_data
from tests.lanes import needs_keras_3

BATCH_SIZES = [1, 4, 24]


def compiled(loss, model=None, **options):
    model = kml.MultiLossModel.from_model(two_heads() if model is None else model)
    model.compile("sgd", loss=loss, **options)
    return model


def evaluated(model, x, y, **options):
    return model.evaluate(x, y, **{"verbose": 0, "return_dict": True, **options})


def same(value):
    return pytest.approx(value, rel=1e-5)  # float32 sums in another order


def with_gaps():
    """Ages and sexes of which some are not known, and whether they are."""
    x, y = two_heads_data()
    y["age"][::3], y["sex"][1::4] = np.nan, -1
    return x, y, ~np.isnan(y["age"]), y["sex"] >= 0


def masked_terms():
    return kml.LossTerm("mse", "age", mask="nan") + kml.LossTerm(
        "binary_crossentropy", "sex", mask=-1
    )


@pytest.mark.parametrize("batch_size", BATCH_SIZES)
def test_missing_labels_are_not_measured(batch_size):
    x, y, has_age, has_sex = with_gaps()
    metrics = {
        "age": [keras.metrics.MeanAbsoluteError(name="mae")],
        "sex": [
            keras.metrics.BinaryAccuracy(name="accuracy"),
            keras.metrics.Precision(name="precision"),
            keras.metrics.AUC(name="auc"),
        ],
    }
    model = compiled(masked_terms(), metrics=metrics)
    logs = evaluated(model, x, y, batch_size=batch_size)
    predicted = model.predict(x, verbose=0)
    assert logs["age_mae"] == same(np.abs(predicted["age"] - y["age"])[has_age].mean())
    guess, truth = predicted["sex"][has_sex], y["sex"][has_sex]
    assert logs["sex_accuracy"] == same(np.mean((guess > 0.5) == truth))
    for name, metric in [("precision", keras.metrics.Precision()), ("auc", keras.metrics.AUC())]:
        metric.update_state(truth, guess)
        assert logs[f"sex_{name}"] == same(float(metric.result()))


def test_weighted_metrics_weigh_what_is_there():
    x, y, has_age, _ = with_gaps()
    metric = keras.metrics.MeanSquaredError(name="mse")
    model = compiled(masked_terms(), weighted_metrics={"age": [metric]})
    weights = np.linspace(0.0, 2.0, 24).astype("float32")
    logs = evaluated(model, x, y, sample_weight=weights, batch_size=7)
    square = np.square(model.predict(x, verbose=0)["age"] - y["age"])[has_age]
    assert logs["age_mse"] == same(np.average(square, weights=weights[has_age[:, 0]]))


def vectors():
    """Labels of three entries, of which some are missing."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(24, 2)), rng.normal(size=(24, 3))
    y[rng.random(y.shape) < 0.4] = np.nan
    return x.astype("float32"), y.astype("float32"), ~np.isnan(y)


@pytest.mark.parametrize("batch_size", BATCH_SIZES)
def test_single_entries_of_a_label_may_be_missing(batch_size):
    x, y, is_there = vectors()
    inputs = keras.Input((2,))
    model = keras.Model(inputs, {"v": keras.layers.Dense(3)(inputs)})
    metrics = {
        "v": [
            keras.metrics.MeanAbsoluteError(name="mae"),
            keras.metrics.RootMeanSquaredError(name="rmse"),
            keras.metrics.CosineSimilarity(name="cosine"),
        ]
    }
    model = compiled(kml.LossTerm("mse", "v", mask="nan"), model, metrics=metrics)
    logs = evaluated(model, x, {"v": y}, batch_size=batch_size)
    predicted = model.predict(x, verbose=0)["v"]
    error = (predicted - y)[is_there]
    prefix = "" if "mae" in logs else "v_"
    assert logs[f"{prefix}mae"] == same(np.abs(error).mean())
    assert logs[f"{prefix}rmse"] == same(np.sqrt(np.square(error).mean()))
    whole = is_there.all(axis=1)  # a cosine is of a whole row
    a, b = predicted[whole], y[whole]
    cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert logs[f"{prefix}cosine"] == same(cosine.mean())


def test_steps_that_are_padding_are_not_measured():
    x = np.ones((4, 5, 2), "float32")
    x[::2, 3:] = 0.0
    y = np.arange(20.0, dtype="float32").reshape(4, 5, 1)
    inputs = keras.Input((5, 2))
    steps = keras.layers.Masking()(inputs)
    outputs = {"a": keras.layers.Dense(1, name="a")(steps), "b": keras.layers.Dense(1)(inputs)}
    metrics = {"a": [keras.metrics.MeanAbsoluteError(name="mae")]}
    model = compiled(kml.LossTerm("mse", "a"), keras.Model(inputs, outputs), metrics=metrics)
    logs = evaluated(model, x, {"a": y}, batch_size=3)
    error = np.abs(model.predict(x, verbose=0)["a"] - y)
    assert logs["a_mae"] == same(error[x.any(axis=-1)].mean())


def digits():
    x = keras.Input((3,))
    return keras.Model(x, {name: keras.layers.Dense(4, name=name)(x) for name in ("main", "aux")})


def test_outputs_that_share_a_label_are_measured_by_it():
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    terms = kml.LossTerm(loss, "main", "digit") + kml.LossTerm(loss, "aux", "digit", weight=0.3)
    metrics = {name: ["accuracy"] for name in ("main", "aux")}
    model = compiled(terms, digits(), metrics=metrics)
    x, digit = two_heads_data()[0], np.arange(24) % 4
    logs = evaluated(model, x, {"digit": digit})
    for name, scores in model.predict(x, verbose=0).items():
        assert logs[f"{name}_accuracy"] == same(np.mean(scores.argmax(axis=1) == digit))


def test_a_metric_with_several_labels_to_choose_from_is_refused():
    terms = kml.LossTerm("mse", "age", "old", name="one") + kml.LossTerm("mae", "age", "new")
    model = compiled(terms, metrics={"age": ["mae"]})
    x, y = two_heads_data()
    with pytest.raises(ValueError, match="a metric of output 'age' has several labels") as raised:
        model.evaluate(x, {"old": y["age"], "new": y["age"]}, verbose=0)
    assert "Received: labels ['old', 'new']" in str(raised.value)


def test_a_term_that_does_without_its_label_has_nothing_to_measure():
    terms = kml.LossTerm("mse", "age", required=False) + kml.LossTerm("mse", "sex")
    model = compiled(terms, metrics={"age": [keras.metrics.MeanSquaredError(name="mse")]})
    x, y = two_heads_data()
    assert evaluated(model, x, y)["age_mse"] == same(evaluated(model, x, y)["age_loss"])
    assert "age_loss" not in evaluated(model, x, {"sex": y["sex"]})


def nested():
    x = keras.Input((3,))
    heads = [keras.layers.Dense(2, name=name)(x) for name in "pqr"]
    return keras.Model(x, {"a": heads[0], "b": {"c": heads[1], "d": heads[2]}})


NESTED_METRICS = {
    "on top": ({"a": ["mae"]}, ["a"]),
    "nested": ({"a": ["mae"], "b": {"c": ["mae"], "d": ["mae"]}}, ["a", "b/c", "b/d"]),
    "by path": ({"b/d": ["mae"]}, ["b/d"]),
    "a list": ([["mae"], ["mae"], None], ["a", "b/c"]),
}


@needs_keras_3  # Keras 2 names nested outputs by their layers
@pytest.mark.parametrize("metrics", NESTED_METRICS)
def test_nested_outputs_are_measured_by_path_nest_and_list(metrics):
    given, names = NESTED_METRICS[metrics]
    terms = sum(kml.LossTerm("mse", name) for name in ("a", "b/c", "b/d"))
    model = compiled(terms, nested(), metrics=given)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(8, 3)).astype("float32")
    y = {name: rng.normal(size=(8, 2)).astype("float32") for name in "acd"}
    labels = {"a": y["a"], "b": {"c": y["c"], "d": y["d"]}}
    logs = evaluated(model, x, labels)
    predicted = model.predict(x, verbose=0)
    flat = {"a": predicted["a"], "b/c": predicted["b"]["c"], "b/d": predicted["b"]["d"]}
    measured = {name for name in logs if "mae" in name or "absolute" in name}
    assert len(measured) == len(names)
    for name in names:
        value = next(logs[found] for found in measured if found.startswith(name))
        assert value == same(np.abs(flat[name] - y[name[-1]]).mean())


def test_the_names_of_metrics_fit_what_evaluate_returns():
    model = compiled(masked_terms(), metrics={"age": ["mae"]}, weighted_metrics={"sex": ["mse"]})
    x, y, *_ = with_gaps()
    logs = evaluated(model, x, y)
    values = model.evaluate(x, y, verbose=0)
    assert dict(zip(model.metrics_names, values, strict=True)) == pytest.approx(logs)


def test_a_model_compiled_without_metrics_logs_none_of_before():
    model = compiled(masked_terms(), metrics={"age": ["mae"]})
    x, y, *_ = with_gaps()
    evaluated(model, x, y)
    model.compile("sgd", loss=masked_terms())
    assert set(evaluated(model, x, y)) == {"loss", "age_loss", "sex_loss"}
    assert set(model.fit(x, y, verbose=0).history) == {"loss", "age_loss", "sex_loss"}


def test_a_model_compiled_with_a_loss_of_keras_before_logs_none_of_it():
    x, y = two_heads_data()
    model = kml.MultiLossModel.from_model(two_heads())
    model.compile("sgd", loss={"age": "mse", "sex": "mae"}, metrics={"age": ["mae"]})
    model.evaluate(x, y, verbose=0)
    model.compile("sgd", loss=kml.LossTerm("mse", "age", name="years"))
    assert set(evaluated(model, x, y)) == {"loss", "years_loss"}


def test_metrics_go_through_a_file(model_path):
    model = compiled(masked_terms(), metrics={"age": ["mae"]})
    x, y, *_ = with_gaps()
    logs = evaluated(model, x, y)
    model.save(model_path)
    assert evaluated(keras.saving.load_model(model_path), x, y) == pytest.approx(logs)
