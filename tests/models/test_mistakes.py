"""Natural mistakes of new users, and what they are told."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras
from tests.conftest import two_heads, two_heads_data
from tests.losses.messages import exactly


def test_a_joint_loss_in_place_of_a_total_loss_says_how_to_wrap_it():
    model = kml.MultiLossModel.from_model(two_heads())
    loss = kml.losses.GaussianNLL()
    message = exactly(
        "MultiLossModel.compile: `loss` is not a total loss.",
        "  Expected: a WeightedSumLoss, a LossTerm, or a loss that `keras.Model.compile` takes",
        f"  Received: {loss!r}",
        "  Hint: LossTerm(GaussianNLL(...), ['output', 'another'], labels=...)",
    )
    with pytest.raises(TypeError, match=message):
        model.compile("sgd", loss=loss)


def test_a_list_of_terms_in_place_of_a_sum_says_how_to_wrap_it():
    model = kml.MultiLossModel.from_model(two_heads())
    with pytest.raises(TypeError, match=r"WeightedSumLoss\(\[...\]\)"):
        model.compile("sgd", loss=[kml.LossTerm("mse", "age"), kml.LossTerm("mse", "sex")])


def test_any_iterable_of_terms_is_a_sum():
    terms = {"a": kml.LossTerm("mse", "age"), "b": kml.LossTerm("mse", "sex")}
    assert kml.WeightedSumLoss(terms.values()).names == ["age", "sex"]
    assert kml.WeightedSumLoss(term for term in terms.values()).names == ["age", "sex"]


def test_forgotten_labels_of_a_joint_loss_are_asked_for():
    loss = kml.WeightedSumLoss([kml.LossTerm(kml.losses.GaussianNLL(), ["mean", "spread"])])
    outputs = {"mean": np.zeros((2, 1)), "spread": np.zeros((2, 1))}
    message = exactly(
        "WeightedSumLoss: term 'mean_spread' names a label that is not in the data.",
        "  Expected: one of ['y']",
        "  Received: 'mean'",
        "  Hint: by default, labels have the names of the outputs: give the term "
        "`labels='...'`, or `labels=None` if its loss needs none",
    )
    with pytest.raises(ValueError, match=message):
        loss({"y": np.zeros((2, 1))}, outputs)


def test_labels_of_a_loss_that_looks_at_none_are_refused():
    column = np.zeros((2, 1))
    loss = kml.WeightedSumLoss([kml.LossTerm(kml.losses.OrderingLoss(), ["low", "high"])])
    message = exactly(
        "OrderingLoss: it takes no label.",
        "  Expected: a term without labels",
        "  Received: labels",
        "  Hint: LossTerm(OrderingLoss(), ..., labels=None)",
    )
    with pytest.raises(ValueError, match=message):
        loss({"low": column, "high": column}, {"low": column, "high": column})


def test_label_inputs_of_joint_losses_are_asked_for_as_numbers():
    x = keras.Input((3,), name="x")
    heads = {name: keras.layers.Dense(1, name=name)(x) for name in ("mean", "spread")}
    term = kml.LossTerm(kml.losses.GaussianNLL(), ["mean", "spread"], "y")
    with pytest.raises(ValueError, match=r"'dtype': 'float32'\}\}\), or 'int32' for class numbers"):
        kml.attach_losses(keras.Model(x, heads), term)


@pytest.mark.parametrize(
    "loss",
    [
        kml.losses.ArcFaceLoss(),
        kml.losses.MaskedLoss("sparse_categorical_crossentropy", -1),
        kml.losses.TripletSemiHardLoss(),
    ],
    ids=lambda loss: type(loss).__name__,
)
def test_label_inputs_of_class_numbers_are_integers_of_one_axis(loss):
    x = keras.Input((3,), name="x")
    model = keras.Model(x, {"head": keras.layers.Dense(4, name="head")(x)})
    attached = kml.attach_losses(model, kml.LossTerm(loss, "head", "label"))
    (label,) = [tensor for tensor in attached.inputs if "label" in tensor.name]
    assert tuple(label.shape[1:]) == ()
    assert "int32" in str(label.dtype)


def test_one_array_of_sample_weights_cannot_weigh_a_loss_of_the_whole_batch():
    terms = kml.LossTerm(kml.losses.TripletSemiHardLoss(), "embedding", "species")
    terms += kml.LossTerm("mse", "size")
    _, labels = two_heads_data(8)
    labels = {"species": np.arange(8) % 2, "size": labels["age"]}
    outputs = {"embedding": np.eye(8, 3), "size": np.zeros((8, 1))}
    with pytest.raises(
        ValueError, match=r"give weights to the other terms by name, sample_weight="
    ):
        terms(labels, outputs, np.ones(8))
    assert np.isfinite(float(terms(labels, outputs, {"size": np.ones(8)})))


def test_terms_in_a_dict_are_to_be_added_up():
    model = kml.MultiLossModel.from_model(two_heads())
    with pytest.raises(TypeError, match="`loss` is not a total loss") as raised:
        model.compile("sgd", loss={"age": kml.LossTerm("mse", "age")})
    assert "add them up, loss=term + other_term" in str(raised.value)


def test_class_weights_of_fit_point_to_those_of_terms():
    x, y = two_heads_data()
    model = kml.MultiLossModel.from_model(two_heads())
    model.compile("sgd", loss=kml.LossTerm("mse", "age") + kml.LossTerm("mse", "sex"))
    with pytest.raises(ValueError, match="which of the terms it weighs") as raised:
        model.fit(x, y, class_weight={0: 1.0, 1: 2.0}, verbose=0)
    assert "LossTerm(..., class_weight=" in str(raised.value)
