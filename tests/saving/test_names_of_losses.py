"""A misspelt loss suggests the nearest, and swapped arguments are told."""

import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras
from tests.lanes import needs_keras_3
from tests.losses.messages import exactly


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("msee", "mse"),
        ("mean_square_error", "mean_squared_error"),
        ("BinaryCrossEntropy", "binary_crossentropy"),
        ("keras_multiloss>GausianNLL", "keras_multiloss>GaussianNLL"),
    ],
)
def test_a_misspelt_loss_suggests_the_nearest(name, nearest):
    with pytest.raises(ValueError, match=f"did you mean '{nearest}'"):
        kml.LossTerm(name, "age")


def test_swapped_arguments_are_told():
    message = exactly(
        "LossTerm: the loss and the output seem to be swapped.",
        "  Expected: the loss first, then the output",
        "  Received: LossTerm('age', 'mse')",
        "  Hint: LossTerm('mse', 'age')",
    )
    with pytest.raises(ValueError, match=message):
        kml.LossTerm("age", "mse")


def test_an_output_may_have_the_name_of_a_loss():
    assert kml.LossTerm("mse", "mae").outputs == "mae"


@needs_keras_3
def test_label_inputs_of_ctc_are_asked_for():
    x = keras.Input((8, 3))
    model = keras.Model(x, {"text": keras.layers.Dense(5, activation="softmax")(x)})
    term = kml.LossTerm(keras.losses.CTC(), "text")
    with pytest.raises(ValueError, match="the shape of label 'text' does not follow from the loss"):
        kml.attach_losses(model, term)
    labels = {"text": {"shape": (4,), "dtype": "int32"}}
    assert kml.attach_losses(model, term, labels).input["text_label"].shape == (None, 4)
