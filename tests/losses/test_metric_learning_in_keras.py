"""Every metric-learning loss in `compile`, in a term and with an empty batch."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras, ops
from keras_multiloss.losses._contrastive import ContrastiveLoss
from keras_multiloss.losses._lifted_structure import LiftedStructLoss
from keras_multiloss.losses._npairs import NpairsLoss, NpairsMultilabelLoss
from keras_multiloss.losses._triplet_hard import TripletHardLoss
from keras_multiloss.losses._triplet_semihard import TripletSemiHardLoss
from tests.losses.gradients import gradients

RNG = np.random.default_rng(9)
BATCH = 6
#: Classes that are one where labels become float32.
SPECIES = np.array([2**24, 2**24 + 1, 5, 2**24, 2**24 + 1, 5], "int32")
TAGS = RNG.integers(0, 2, (BATCH, 4)).astype("float32")
ALIKE = np.array([0, 1, 1, 0, 1, 0], "int32")
LOSSES = [
    (TripletSemiHardLoss(margin=2.0), SPECIES),
    (TripletHardLoss(margin=0.5, distance_metric="squared-L2"), SPECIES),
    (LiftedStructLoss(margin=2.0), SPECIES),
    (NpairsLoss(), SPECIES),
    (NpairsMultilabelLoss(), TAGS),
    (ContrastiveLoss(margin=0.75), ALIKE),
]
every_loss = pytest.mark.parametrize(
    ("loss", "label"), LOSSES, ids=[type(loss).__name__ for loss, _ in LOSSES]
)


def outputs_for(loss, n=BATCH):
    """Distances for the loss of pairs; else embeddings that pass for similarities."""
    width = 1 if isinstance(loss, ContrastiveLoss) else n
    return RNG.normal(size=(n, width)).astype("float32")


def network(loss):
    x = keras.Input((3,), name="x")
    width = outputs_for(loss).shape[1]
    return keras.Model(x, keras.layers.Dense(width, activation="softplus", name="embedding")(x))


class Similarities(keras.layers.Layer):
    def call(self, embeddings):
        return ops.matmul(embeddings, ops.transpose(embeddings))


def network_of_any_batch(loss):
    """A network whose output fits the loss also where Keras infers shapes."""
    if not isinstance(loss, (NpairsLoss, NpairsMultilabelLoss)):
        return network(loss)
    x = keras.Input((3,), name="x")
    return keras.Model(x, Similarities(name="embedding")(keras.layers.Dense(2)(x)))


@every_loss
@pytest.mark.sample(2)
def test_a_compiled_model_trains_and_reloads_in_a_fresh_process(
    loss, label, fresh_process, model_path
):
    model = network(loss)
    model.compile("adam", loss=loss)
    x = RNG.normal(size=(BATCH, 3)).astype("float32")
    label = np.unique(label, return_inverse=True)[1] if label is SPECIES else label
    before = model.evaluate(x, label, verbose=0)
    model.fit(x, label, epochs=3, batch_size=BATCH, shuffle=False, verbose=0)
    model.save(model_path)
    expected = model.evaluate(x, label, verbose=0, return_dict=True)
    assert expected["loss"] < before
    assert fresh_process.evaluate(model_path, x, label)["loss"] == pytest.approx(
        expected["loss"],
        rel=1e-6,  # where the model is compiled anew
    )


@every_loss
def test_a_term_is_the_function_of_labels_as_they_are(loss, label):
    output = outputs_for(loss)
    term = kml.LossTerm(loss, "embedding", "species")
    found = float(kml.WeightedSumLoss([term])({"species": label}, {"embedding": output}))
    expected = loss.call(ops.convert_to_tensor(label), ops.convert_to_tensor(output))
    assert found == pytest.approx(float(ops.mean(expected)), rel=1e-6)
    if label is SPECIES:
        _, names = np.unique(label, return_inverse=True)
        assert found == pytest.approx(float(loss(names.reshape(-1), output)), rel=1e-6)


@every_loss
def test_a_function_is_a_term_as_its_class_is(loss, label):
    function = type(loss).function
    terms = [kml.LossTerm(x, "embedding", "species") for x in (type(loss)(), function)]
    data = {"species": label}, {"embedding": outputs_for(loss)}
    values = [float(kml.WeightedSumLoss([term])(*data)) for term in terms]
    assert values[0] == values[1]


@every_loss
def test_label_inputs_are_made_in_the_shape_of_the_labels(loss, label):
    sum_of_terms = kml.WeightedSumLoss([kml.LossTerm(loss, "embedding", "species")])
    labels = {"species": {"shape": (4,), "dtype": "float32"}} if label is TAGS else None
    model = kml.attach_losses(network_of_any_batch(loss), sum_of_terms, labels=labels)
    model.compile("sgd")
    x = RNG.normal(size=(BATCH, 3)).astype("float32")
    history = model.fit({"x": x, "species_label": label}, batch_size=BATCH, verbose=0).history
    assert np.isfinite(history["loss"]).all()


@every_loss
def test_an_empty_batch_gives_zero_and_does_not_move(loss, label):
    label, output = label[:0], outputs_for(loss, 0)
    value = loss.call(label, ops.convert_to_tensor(output))
    assert float(ops.sum(value)) == 0.0
    assert float(loss(label, output)) == 0.0
    (found,) = gradients(lambda x: ops.sum(loss.call(label, x)), (output,))
    assert found.shape == output.shape
