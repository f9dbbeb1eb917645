"""Messages as a user reads them: where, what was expected, what came, what to do."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras, ops
from tests.conftest import two_heads

ONES = np.ones((2, 1), "float32")
OUTPUTS = {"click": ONES, "purchase": ONES}


def message(action, kind=ValueError):
    with pytest.raises(kind) as caught:
        action()
    return str(caught.value)


def test_a_label_that_is_not_in_the_data():
    loss = kml.LossTerm("mse", "click", "buy", name="ctcvr")
    assert message(lambda: loss.value({"click": ONES, "buys": ONES}, OUTPUTS)) == (
        "WeightedSumLoss: term 'ctcvr' names a label that is not in the data.\n"
        "  Expected: one of ['click', 'buys']\n"
        "  Received: 'buy'\n"
        "  Hint: did you mean 'buys'?"
    )


def test_an_output_that_the_model_does_not_have():
    model = kml.MultiLossModel.from_model(two_heads())
    assert message(lambda: model.compile("sgd", loss=kml.LossTerm("mse", "agee"))) == (
        "MultiLossModel.compile: term 'agee' names an output that the model does not have.\n"
        "  Expected: one of ['age', 'sex']\n"
        "  Received: 'agee'\n"
        "  Hint: did you mean 'age'?"
    )


def test_a_sample_weight_that_belongs_to_nothing():
    loss = kml.WeightedSumLoss([kml.LossTerm("mse", "click")])
    assert message(lambda: loss({"click": ONES}, OUTPUTS, {"clicks": np.ones(2)})) == (
        "WeightedSumLoss: a sample weight belongs to no output or term.\n"
        "  Expected: one of ['click', 'purchase']\n"
        "  Received: 'clicks'\n"
        "  Hint: did you mean 'click'?"
    )


def test_two_terms_of_one_name():
    terms = [kml.LossTerm("mse", "a", name="t"), kml.LossTerm("mse", "b", name="t")]
    assert message(lambda: kml.WeightedSumLoss(terms)) == (
        "WeightedSumLoss: two terms have the same name.\n"
        "  Expected: a different name for each term\n"
        "  Received: 't' 2 times\n"
        "  Hint: give one of them another name: LossTerm(..., name=...)"
    )


def test_no_terms():
    assert message(lambda: kml.WeightedSumLoss([])) == (
        "WeightedSumLoss: there are no terms.\n  Expected: at least one LossTerm\n  Received: []"
    )


@pytest.mark.parametrize("weight", [float("nan"), float("inf")])
def test_a_weight_that_is_not_finite(weight):
    assert message(lambda: kml.LossTerm("mse", "age", weight=weight)) == (
        f"LossTerm: `weight` must be finite.\n  Expected: a finite number\n  Received: {weight!r}"
    )


def test_a_lambda():
    text = message(lambda: kml.LossTerm(lambda y_true, y_pred: y_pred, "age"))
    first, expected, received, hint = text.split("\n")
    assert first == "LossTerm: `loss` cannot be saved: it is a lambda."
    assert expected == "  Expected: a registered function, so that a file can restore it"
    assert received.startswith("  Received: <function")
    assert "@keras.saving.register_keras_serializable(package='my_project')" in hint


def test_a_label_that_does_not_have_the_shape_of_its_output():
    loss = kml.LossTerm("mse", "box")
    action = lambda: loss.value({"box": ONES}, {"box": np.ones((2, 4), "float32")})  # noqa: E731
    assert message(action) == (
        "WeightedSumLoss: term 'box': the label does not have the shape of the output.\n"
        "  Expected: a label of shape (2, 4)\n"
        "  Received: shape (2, 1)"
    )


def test_labels_in_one_array_for_several_names():
    loss = kml.LossTerm("mse", "click") + kml.LossTerm("mse", "purchase")
    text = message(lambda: loss(ONES, OUTPUTS))
    assert text.startswith("WeightedSumLoss: the labels are one tensor and the terms name several")
    assert "a dict with the labels ['click', 'purchase']" in text


def test_weights_beside_the_terms():
    model = kml.MultiLossModel.from_model(two_heads())
    loss = kml.LossTerm("mse", "age")
    assert message(lambda: model.compile("sgd", loss=loss, loss_weights={"age": 2.0})) == (
        "MultiLossModel.compile: `loss_weights` does not apply to a WeightedSumLoss.\n"
        "  Expected: the weights in the terms, LossTerm(..., weight=0.5)\n"
        "  Received: loss_weights={'age': 2.0}"
    )


def test_a_scheduled_weight_without_a_step():
    schedule = keras.optimizers.schedules.ExponentialDecay(1.0, 10, 0.5)
    loss = kml.WeightedSumLoss([kml.LossTerm("mse", "click", weight=schedule)])
    assert message(lambda: loss({"click": ONES}, OUTPUTS)) == (
        "WeightedSumLoss: the weight of term 'click' is a schedule.\n"
        "  Expected: the `step` at which to read it\n"
        "  Received: step=None\n"
        "  Hint: MultiLossModel and WeightedSumLossLayer count steps; elsewhere pass `step`"
    )


def test_sample_weights_of_another_length():
    loss = kml.WeightedSumLoss([kml.LossTerm("mse", "click")])
    text = message(lambda: loss({"click": ONES}, OUTPUTS, np.ones(3, "float32")))
    assert text == (
        "WeightedSumLoss: term 'click': the sample weights do not fit the values of the loss.\n"
        "  Expected: one weight for each entry of shape (2,), or one for each sample\n"
        "  Received: sample weights of shape (3,)"
    )


def test_an_unknown_argument_in_a_config():
    config = {"loss": "mse", "outputs": "age", "wieght": 2.0}
    text = message(lambda: kml.LossTerm.from_config(config))
    assert text.startswith("LossTerm.from_config: the config has an unknown argument.\n")
    assert text.endswith("  Received: 'wieght'\n  Hint: did you mean 'weight'?")


def test_a_loss_that_no_file_can_restore():
    config = kml.LossTerm("mse", "age").get_config()
    config["loss"] = {"registered_name": "mine>Gone", "config": {}}
    assert message(lambda: kml.LossTerm.from_config(config)) == (
        "LossTerm: `loss`: a part of the file cannot be restored.\n"
        "  Expected: the name of a registered class or function\n"
        "  Received: 'mine>Gone'\n"
        "  Hint: import the module that defines and registers it before loading"
    )


def test_a_layer_trained_without_labels():
    layer = kml.WeightedSumLossLayer(kml.LossTerm("mse", "age"), name="total")
    outputs = {"age": ops.convert_to_tensor(ONES)}
    text = message(lambda: layer(outputs, training=True))
    # Keras 3 wraps what a layer raises in a text of its own.
    assert "WeightedSumLossLayer 'total': the model is trained without labels." in text
    assert "`kml.data.labels_to_inputs`" in text
