"""`WeightedSumLossLayer` as a user builds and trains with it."""

import warnings

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras, ops
from tests.conftest import two_heads, two_heads_data, under_policy
from tests.lanes import (
    BACKEND,
    both_mixed_policies,
    needs_keras_3,
    needs_layer_logs,
    needs_optional_inputs,
    needs_predict_with_none,
)


def spec():
    return kml.LossTerm("mse", "age") + 0.5 * kml.LossTerm("binary_crossentropy", "sex")


def in_graph(loss=None, *, optional=False, sample_weight=False):
    """The model a user would write by hand: labels are inputs, the layer comes last."""
    kwargs = {"optional": True} if optional else {}
    base = two_heads()
    labels = {n: keras.Input((1,), name=f"{n}_label", **kwargs) for n in ("age", "sex")}
    inputs = {"x": base.input, "age_label": labels["age"], "sex_label": labels["sex"]}
    weights = None
    if sample_weight:
        weights = inputs["w"] = keras.Input((), name="w")
    outputs = kml.WeightedSumLossLayer(loss or spec(), name="total")(
        base.output, labels=labels, sample_weight=weights
    )
    model = keras.Model(inputs, outputs)
    model.compile("sgd")
    return model


def data():
    x, y = two_heads_data()
    return {"x": x, "age_label": y["age"], "sex_label": y["sex"]}


@needs_layer_logs
def test_terms_are_logged_in_training_validation_and_evaluation_and_add_up():
    model = in_graph()
    history = model.fit(data(), epochs=2, batch_size=8, validation_data=(data(),), verbose=0)
    logs = {name: values[-1] for name, values in history.history.items()}
    evaluated = model.evaluate(data(), verbose=0, return_dict=True)
    for one, prefix in [(logs, ""), (logs, "val_"), (evaluated, "")]:
        total = one[f"{prefix}age_loss"] + 0.5 * one[f"{prefix}sex_loss"]
        assert one[f"{prefix}loss"] == pytest.approx(total, rel=1e-6)  # float32 sums


def test_the_outputs_pass_through_unchanged():
    model = in_graph()
    batch = data()
    plain = kml.strip_losses(model)
    outputs, expected = model(batch), plain(batch["x"])
    assert set(outputs) == {"age", "sex"}
    for name in outputs:
        np.testing.assert_array_equal(
            ops.convert_to_numpy(outputs[name]), ops.convert_to_numpy(expected[name])
        )


def test_the_value_is_one_float32_scalar():
    model = in_graph()
    model(data())
    (value,) = model.losses
    assert tuple(value.shape) == ()
    assert "float32" in str(value.dtype)


@both_mixed_policies
def test_mixed_precision_does_not_overflow(policy):
    with under_policy(policy):
        model = in_graph(kml.LossTerm("mse", "age") + kml.LossTerm("mse", "sex"))
        batch = data()
        batch["age_label"] = batch["age_label"] + 1000.0  # its square overflows float16
        loss = model.evaluate(batch, verbose=0, return_dict=True)["loss"]
        model.fit(batch, verbose=0)
    assert loss == pytest.approx(1e6, rel=0.05)


def test_sample_weights_of_an_input_reach_every_term():
    model = in_graph(sample_weight=True)
    zeros = model.evaluate({**data(), "w": np.zeros(24)}, verbose=0, return_dict=True)
    ones = model.evaluate({**data(), "w": np.ones(24)}, verbose=0, return_dict=True)
    assert zeros["loss"] == 0.0 < ones["loss"]


@needs_optional_inputs
def test_optional_labels_that_are_none_add_no_loss():
    model = in_graph(optional=True)
    batch = data()
    outputs = model({"x": batch["x"], "age_label": None, "sex_label": None})
    assert model.losses == []
    np.testing.assert_array_equal(
        ops.convert_to_numpy(outputs["age"]), ops.convert_to_numpy(model(batch)["age"])
    )


@needs_predict_with_none
@needs_optional_inputs
def test_the_training_model_predicts_without_labels():
    model = in_graph(optional=True)
    batch = data()
    outputs = model.predict({"x": batch["x"], "age_label": None, "sex_label": None}, verbose=0)
    expected = kml.strip_losses(model).predict(batch["x"], verbose=0)
    np.testing.assert_array_equal(outputs["age"], expected["age"])


@needs_optional_inputs
def test_training_without_labels_says_how_to_feed_them():
    model = in_graph(optional=True)
    with pytest.raises(ValueError, match=r"kml\.data\.labels_to_inputs"):
        model({"x": data()["x"], "age_label": None, "sex_label": None}, training=True)


@needs_optional_inputs
def test_one_missing_label_of_two_is_an_error_also_in_inference():
    model = in_graph(optional=True)
    with pytest.raises(ValueError, match="term 'sex' names a label that is not in the data"):
        model({"x": data()["x"], "age_label": data()["age_label"], "sex_label": None})


def test_a_term_that_is_not_required_is_skipped_without_its_label():
    loss = kml.LossTerm("mse", "age", required=False) + kml.LossTerm("mse", "sex")
    layer = kml.WeightedSumLossLayer(loss)
    ones = np.ones((2, 1), "float32")
    outputs = {"age": ops.convert_to_tensor(ones), "sex": ops.convert_to_tensor(ones)}
    layer(outputs, labels={"sex": ops.convert_to_tensor(ones * 3)})
    assert float(layer.losses[0]) == 4.0


def test_a_misspelt_output_is_an_error_while_the_graph_is_built():
    with pytest.raises(ValueError, match="did you mean 'age'"):
        in_graph(kml.LossTerm("mse", "agee", "age"))


def test_a_list_of_outputs_is_addressed_by_position():
    layer = kml.WeightedSumLossLayer(kml.LossTerm("mse", 1, 0))
    a, b = ops.convert_to_tensor([[1.0]]), ops.convert_to_tensor([[3.0]])
    returned = layer([a, b], labels=[ops.convert_to_tensor([[5.0]])])
    assert len(returned) == 2
    assert float(layer.losses[0]) == 4.0


def test_a_loss_that_is_no_total_loss_is_refused():
    with pytest.raises(TypeError, match="`loss` is not a total loss"):
        kml.WeightedSumLossLayer("mse")


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_files_and_clones_keep_the_loss_and_the_schedule(tmp_path, suffix):
    schedule = keras.optimizers.schedules.PolynomialDecay(1.0, 10, 0.0)
    model = in_graph(kml.LossTerm("mse", "age", weight=schedule) + kml.LossTerm("mse", "sex"))
    model.fit(data(), batch_size=8, verbose=0)
    expected = model.evaluate(data(), verbose=0, return_dict=True)
    path = tmp_path / f"model{suffix}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Keras calls `.h5` legacy
        model.save(path)
    reloaded = keras.saving.load_model(path)
    assert reloaded.evaluate(data(), verbose=0, return_dict=True) == expected
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    clone.compile("sgd")
    assert clone.evaluate(data(), verbose=0, return_dict=True) == expected


@needs_keras_3
def test_weights_files_keep_the_step_of_a_schedule(tmp_path):
    schedule = keras.optimizers.schedules.PolynomialDecay(1.0, 10, 0.0)
    loss = kml.LossTerm("mse", "age", weight=schedule) + kml.LossTerm("mse", "sex")
    model = in_graph(loss)
    model.fit(data(), batch_size=8, verbose=0)
    model.save_weights(tmp_path / "model.weights.h5")
    other = in_graph(loss)
    other.load_weights(tmp_path / "model.weights.h5")
    assert other.evaluate(data(), verbose=0) == model.evaluate(data(), verbose=0)


def test_steps_per_execution_and_eager_steps_count_the_same():
    schedule = keras.optimizers.schedules.PolynomialDecay(1.0, 12, 0.0)
    loss = kml.LossTerm("mse", "age", weight=schedule) + kml.LossTerm("mse", "sex")
    results = []
    several = {} if BACKEND == "torch" else {"steps_per_execution": 3}  # Keras: 1 on torch
    for options in ({}, several, {"run_eagerly": True}):
        keras.utils.set_random_seed(1)
        model = in_graph(loss)
        model.compile("sgd", **options)
        history = model.fit(data(), batch_size=8, epochs=2, shuffle=False, verbose=0)
        results.append(history.history["loss"])
    # The three ways may be compiled differently: float32 rounding.
    np.testing.assert_allclose(results[1], results[0], rtol=1e-6)
    np.testing.assert_allclose(results[2], results[0], rtol=1e-6)
