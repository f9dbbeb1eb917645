"""Graphs of functional models, walked through and called anew."""

import numpy as np

from keras_multiloss._platform import (
    keras,
    layers_within,
    leaves_of,
    outputs_of_calls,
    plain_functional,
    replay,
)

X = np.arange(6.0, dtype="float32").reshape(2, 3)


def chain():
    x = keras.Input((3,), name="x")
    shared = keras.layers.Dense(3, name="shared")
    return keras.Model(x, keras.layers.Dense(1, name="out")(shared(shared(x))))


def test_a_tensor_of_the_graph_is_replaced_for_all_that_stands_behind_it():
    model = chain()
    first = leaves_of(outputs_of_calls(model, model.get_layer("shared"))[-1])[0]
    taken = []

    def after(before, new):
        taken.append(before is first)
        return new

    inputs, outputs, _ = replay(model, after=after)
    assert taken.count(True) == 1
    assert len(taken) == 4  # the input and three calls
    again = keras.Model(inputs, outputs)
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


def test_a_graph_begins_with_what_stands_in_place_of_its_inputs():
    model = chain()
    double = keras.layers.Rescaling(2.0)(model.input)
    inputs, outputs, _ = replay(model, given=double)
    again = keras.Model(inputs, outputs)
    np.testing.assert_allclose(again.predict(X, verbose=0), model.predict(2 * X, verbose=0))


def test_each_call_of_a_layer_is_found_in_the_graph_of_the_model_only():
    model = chain()
    shared = model.get_layer("shared")
    shared(keras.Input((3,)))  # in another graph
    assert len(outputs_of_calls(model, shared)) == 2
    assert len(outputs_of_calls(model, model.get_layer("out"))) == 1


def test_a_plain_model_is_not_compiled_and_shares_its_layers():
    for model in (chain(), keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])):
        model.compile("sgd", loss="mse", metrics=["mae"])
        model.fit(X, X[:, :1], verbose=0)
        plain = plain_functional(model)
        assert type(plain) is type(keras.Model(model.inputs, model.outputs))
        assert getattr(plain, "optimizer", None) is None
        np.testing.assert_array_equal(plain.predict(X, verbose=0), model.predict(X, verbose=0))


def test_layers_of_nested_models_are_found():
    x = keras.Input((3,), name="y")
    inner = chain()
    outer = keras.Model(x, inner(x))
    assert {"shared", "out", inner.name} < {layer.name for layer in layers_within(outer)}
