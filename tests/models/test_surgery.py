"""`attach_losses` and `strip_losses`: there and back."""

import warnings

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import KERAS_3, keras
from tests.conftest import two_heads, two_heads_data
from tests.lanes import needs_tensorflow_backend

SPEC = kml.LossTerm("mse", "age") + 0.5 * kml.LossTerm("binary_crossentropy", "sex")


def shapes(model):
    """Shape without batch, and dtype, of each input."""
    return {
        t.name: (
            tuple(t.shape)[1:],
            keras.backend.standardize_dtype(t.dtype) if KERAS_3 else t.dtype.name,
        )
        for t in model.inputs
    }


def classifier(**kwargs):
    x = keras.Input((8, 8, 1), name="x")
    pixels = keras.layers.Conv2D(3, 1, activation="softmax", name="pixels")(x)
    label = keras.layers.Dense(5, activation="softmax", name="label")(keras.layers.Flatten()(x))
    return keras.Model(x, {"pixels": pixels, "label": label}, **kwargs)


def test_label_inputs_have_the_shape_of_their_output():
    assert shapes(kml.attach_losses(two_heads(), SPEC)) == {
        "x": ((3,), "float32"),
        "age_label": ((1,), "float32"),
        "sex_label": ((1,), "float32"),
    }


def test_labels_of_sparse_losses_are_integers_without_a_class_axis():
    loss = kml.LossTerm("sparse_categorical_crossentropy", "pixels")
    loss += kml.LossTerm("sparse_categorical_crossentropy", "label", "species")
    assert shapes(kml.attach_losses(classifier(), loss)) == {
        "x": ((8, 8, 1), "float32"),
        "pixels_label": ((8, 8), "int32"),
        "species_label": ((), "int32"),
    }


def test_the_shape_of_a_label_may_be_given_as_arguments_or_as_an_input():
    loss = kml.LossTerm(kml.losses.CategoricalSumNLL(), ["a", "b"], "sum")
    x = keras.Input((4,), name="x")
    softmax = [keras.layers.Dense(3, activation="softmax")(x) for _ in range(2)]
    model = keras.Model(x, dict(zip("ab", softmax, strict=True)))
    by_arguments = kml.attach_losses(model, loss, labels={"sum": {"shape": (), "dtype": "int64"}})
    assert shapes(by_arguments)["sum_label"] == ((), "int64")
    given = keras.Input((1,), dtype="int32", name="total")
    assert "total" in shapes(kml.attach_losses(model, loss, labels={"sum": given}))
    with pytest.raises(ValueError, match="the shape of label 'sum' does not follow"):
        kml.attach_losses(model, loss)


def test_terms_that_disagree_about_a_label_are_an_error():
    loss = kml.LossTerm("sparse_categorical_crossentropy", "label")
    loss += kml.LossTerm("mse", "label", name="square")
    with pytest.raises(ValueError, match="terms disagree about label 'label'"):
        kml.attach_losses(classifier(), loss)


def test_a_label_that_no_term_names_is_an_error():
    with pytest.raises(ValueError, match="did you mean 'age'"):
        kml.attach_losses(two_heads(), SPEC, labels={"agee": {"shape": ()}})


def test_an_output_that_the_model_does_not_have_is_an_error():
    with pytest.raises(ValueError, match="did you mean 'sex'"):
        kml.attach_losses(two_heads(), kml.LossTerm("mse", "sexx"))


def test_sample_weight_inputs_are_made_on_request():
    one = kml.attach_losses(two_heads(), SPEC, sample_weight=True)
    assert shapes(one)["sample_weight"] == ((), "float32")
    some = kml.attach_losses(two_heads(), SPEC, sample_weight=["sex"])
    some.compile("sgd")
    x, y = two_heads_data()
    data = {"x": x, "age_label": y["age"], "sex_label": y["sex"]}
    data["sex_sample_weight"] = np.zeros(24, "float32")
    age = float(np.mean((two_heads_predict(some, x) - y["age"]) ** 2))
    loss = some.evaluate(data, verbose=0, return_dict=True)["loss"]
    assert loss == pytest.approx(age, rel=1e-5)  # float32 against NumPy's sum


def two_heads_predict(model, x):
    return kml.strip_losses(model).predict(x, verbose=0)["age"]


def test_the_training_model_shares_the_layers():
    model = two_heads()
    training = kml.attach_losses(model, SPEC)
    assert training.get_layer("age") is model.get_layer("age")
    assert kml.strip_losses(training).get_layer("age") is model.get_layer("age")


@pytest.mark.parametrize("as_list", [False, True])
def test_stripping_restores_inputs_outputs_and_predictions(as_list):
    x, _ = two_heads_data()
    model = two_heads(as_list=as_list)
    stripped = kml.strip_losses(kml.attach_losses(model, SPEC))
    assert [t.name for t in stripped.inputs] == ["x"]
    before, after = model.predict(x, verbose=0), stripped.predict(x, verbose=0)
    assert type(before) is type(after)
    keys = range(2) if as_list else ["age", "sex"]
    for key in keys:
        np.testing.assert_array_equal(before[key], after[key])


def test_a_list_of_outputs_is_addressed_by_position_and_by_name():
    x, y = two_heads_data()
    loss = kml.LossTerm("mse", 0, name="age") + kml.LossTerm("mse", "sex", 1, name="sex")
    model = two_heads(as_list=True)
    training = kml.attach_losses(model, loss, labels={1: {"shape": (1,)}})
    training.compile("sgd")
    data = {"x": x, "label_0_label": y["age"], "label_1_label": y["sex"]}
    age, sex = model.predict(x, verbose=0)
    expected = np.mean((age - y["age"]) ** 2) + np.mean((sex - y["sex"]) ** 2)
    # float32 against NumPy's sum
    assert training.evaluate(data, verbose=0, return_dict=True)["loss"] == pytest.approx(
        expected, rel=1e-5
    )


def test_a_nested_dict_of_outputs_survives_both_ways():
    x = keras.Input((3,), name="x")
    outputs = {"head": {"box": keras.layers.Dense(4)(x)}, "score": keras.layers.Dense(1)(x)}
    model = keras.Model(x, outputs)
    training = kml.attach_losses(model, kml.LossTerm("mse", "head/box"))
    assert "head_box_label" in shapes(training)
    stripped = kml.strip_losses(training)
    rows = np.ones((2, 3), "float32")
    np.testing.assert_array_equal(
        stripped.predict(rows, verbose=0)["head"]["box"],
        model.predict(rows, verbose=0)["head"]["box"],
    )


def test_a_loss_layer_in_the_middle_of_the_graph_is_taken_out():
    x, label = keras.Input((3,), name="x"), keras.Input((4,), name="label")
    hidden = keras.layers.Dense(4, name="hidden")(x)
    aux = kml.LossTerm("mse", "hidden", "label")
    hidden = kml.WeightedSumLossLayer(aux)({"hidden": hidden}, labels={"label": label})["hidden"]
    out = keras.layers.Dense(1, name="out")(hidden)
    model = keras.Model({"x": x, "label": label}, out)
    stripped = kml.strip_losses(model)
    assert [t.name for t in stripped.inputs] == ["x"]
    assert not any(isinstance(layer, kml.WeightedSumLossLayer) for layer in stripped.layers)
    rows = np.ones((2, 3), "float32")
    np.testing.assert_array_equal(
        stripped.predict(rows, verbose=0),
        model.predict({"x": rows, "label": np.ones((2, 4), "float32")}, verbose=0),
    )


def test_an_input_that_is_also_a_label_stays():
    x = keras.Input((3,), name="x")
    decoded = keras.layers.Dense(3)(x)
    loss = kml.LossTerm("mse", "decoded", "x")
    outputs = kml.WeightedSumLossLayer(loss)({"decoded": decoded}, labels={"x": x})
    stripped = kml.strip_losses(keras.Model(x, outputs))
    assert [t.name for t in stripped.inputs] == ["x"]
    assert stripped.predict(np.ones((2, 3)), verbose=0)["decoded"].shape == (2, 3)


def test_several_inputs_keep_their_structure():
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    model = keras.Model([a, b], {"age": keras.layers.Dense(1)(keras.layers.Add()([a, b]))})
    stripped = kml.strip_losses(kml.attach_losses(model, kml.LossTerm("mse", "age")))
    assert sorted(t.name for t in stripped.inputs) == ["a", "b"]
    rows = {"a": np.ones((2, 3), "float32"), "b": np.zeros((2, 3), "float32")}
    expected = model.predict([rows["a"], rows["b"]], verbose=0)["age"]
    np.testing.assert_array_equal(stripped.predict(rows, verbose=0)["age"], expected)


def test_a_multi_loss_model_becomes_a_plain_functional_model():
    model = kml.MultiLossModel.from_model(two_heads())
    stripped = kml.strip_losses(model)
    assert type(stripped) is type(two_heads())
    assert stripped.get_layer("age") is model.get_layer("age")


@pytest.mark.parametrize("shape", ["array", "dict"])
def test_label_inputs_fed_as_x_and_y_are_an_error(shape):
    x, y = two_heads_data()
    training = kml.attach_losses(two_heads(), SPEC)
    training.compile("sgd")
    # Keras itself says so, as the model is a plain one; the labels are not dropped in silence.
    warnings.simplefilter("ignore", UserWarning)  # of the structure, on JAX
    with pytest.raises(ValueError, match=r"age_label|expects 3|is not connected"):
        training.fit({"x": x} if shape == "dict" else x, y, verbose=0)


def test_a_loss_layer_inside_a_nested_model_is_refused():
    inner = kml.attach_losses(two_heads(), SPEC)
    outer = keras.Model(inner.input, inner(inner.input))
    with pytest.raises(ValueError, match="a layer of this library lies inside a nested model"):
        kml.strip_losses(outer)


def test_a_multi_loss_model_inside_a_model_is_stripped_as_well(bare_process, model_path):
    inner = kml.MultiLossModel.from_model(two_heads(), name="inner")
    inner.compile("sgd", loss=kml.WeightedSumLoss(SPEC, weighting="uncertainty"))
    left, right = keras.Input((3,), name="left"), keras.Input((3,), name="right")
    difference = keras.layers.Subtract()([inner(left)["age"], inner(right)["age"]])
    outer = keras.Model([left, right], keras.layers.Dense(2)(difference))
    stripped = kml.strip_losses(outer)
    x, _ = two_heads_data()
    data = [x, x[::-1]]
    np.testing.assert_array_equal(stripped.predict(data, verbose=0), outer.predict(data, verbose=0))
    stripped.save(model_path)
    served = bare_process.predict(model_path, data)
    np.testing.assert_allclose(served, outer.predict(data, verbose=0), rtol=1e-6)


def test_a_model_that_is_not_functional_is_refused():
    class Net(keras.Model):
        def call(self, x):
            return x

    for way in (kml.strip_losses, kml.MultiLossModel.from_model):
        with pytest.raises(TypeError, match="`model` is not a functional model"):
            way(Net())


@pytest.mark.parametrize("host", ["layer", "model"])
def test_a_stripped_file_loads_where_the_library_is_not(host, bare_process, model_path):
    x, _ = two_heads_data()
    if host == "layer":
        model = kml.attach_losses(two_heads(), SPEC)
        model.compile("adam")
    else:
        model = kml.MultiLossModel.from_model(two_heads())
        model.compile("adam", loss=SPEC)
    stripped = kml.strip_losses(model)
    stripped.save(model_path)
    expected = stripped.predict(x, verbose=0)
    served = bare_process.predict(model_path, x)
    for name in expected:
        np.testing.assert_array_equal(served[name], expected[name])


@needs_tensorflow_backend
def test_a_stripped_model_exports(tmp_path):
    import tensorflow as tf

    x, _ = two_heads_data()
    stripped = kml.strip_losses(kml.attach_losses(two_heads(), SPEC))
    stripped.export(str(tmp_path / "served"))
    loaded = tf.saved_model.load(str(tmp_path / "served"))
    served = loaded.serve(x)
    expected = stripped.predict(x, verbose=0)["age"]
    # One matrix product, compiled in two ways: float32 rounding.
    np.testing.assert_allclose(served["age"], expected, rtol=1e-5, atol=1e-6)
