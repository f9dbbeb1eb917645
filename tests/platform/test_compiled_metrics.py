"""Private parts of Keras that hold compiled metrics: these fail when Keras changes them."""

import numpy as np

from keras_multiloss._platform import (
    KERAS_3,
    forget_compiled,
    function_of_metric,
    keras,
    metric_names_in_order,
    metrics_by_output,
)
from tests.conftest import two_heads, two_heads_data


def test_metrics_are_found_by_output():
    model = two_heads()
    one, other = keras.metrics.MeanAbsoluteError(), keras.metrics.MeanSquaredError()
    model.compile("sgd", loss="mse", metrics={"sex": [one]}, weighted_metrics={"age": [other]})
    x, y = two_heads_data()
    outputs = model(x)
    found = dict(zip(outputs, metrics_by_output(model, y, outputs), strict=True))
    assert (found["age"].plain, found["age"].weighted) == ([], [other])
    assert (found["sex"].plain, found["sex"].weighted) == ([one], [])


def test_what_is_forgotten_is_not_logged():
    x, y = two_heads_data()
    model = two_heads()
    model.compile("sgd", loss="mse", metrics={"sex": ["mae"]})
    model.evaluate(x, y, verbose=0)
    forget_compiled(model)
    if KERAS_3:  # Keras 2 forgets by itself
        assert [metric.name for metric in model.metrics] == ["loss"]


def test_the_function_of_a_metric_is_known():
    assert function_of_metric(keras.metrics.MeanSquaredError()).__name__ == "mean_squared_error"
    assert function_of_metric(keras.metrics.AUC()) is None


def test_names_come_in_the_order_of_what_evaluate_returns():
    x, y = two_heads_data()
    model = two_heads()
    model.compile("sgd", loss="mse", metrics={"sex": ["mae"], "age": ["mse"]})
    logs = model.evaluate(x, y, verbose=0, return_dict=True)
    values = model.evaluate(x, y, verbose=0)
    names = metric_names_in_order(model, logs)
    np.testing.assert_allclose([logs[name] for name in names], values)
