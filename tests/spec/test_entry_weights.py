"""Sample weights may have one for each entry of a label, as data of several assays do."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras
from tests.lanes import needs_unknown_shapes

RNG = np.random.default_rng(5)
LABELS = RNG.integers(0, 2, (8, 3)).astype("float32")
OUTPUTS = RNG.uniform(0.1, 0.9, (8, 3)).astype("float32")
WEIGHTS = RNG.choice([0.0, 1.0, 3.0], (8, 3)).astype("float32")


def crossentropies():
    return -LABELS * np.log(OUTPUTS) - (1 - LABELS) * np.log(1 - OUTPUTS)


REDUCED = {
    "sum_over_batch_size": lambda: np.mean(WEIGHTS * crossentropies()),
    "sum": lambda: np.sum(np.mean(WEIGHTS * crossentropies(), axis=-1)),
}


@pytest.mark.parametrize("reduction", REDUCED)
def test_each_entry_has_its_weight(reduction):
    loss = keras.losses.BinaryCrossentropy(reduction=reduction)
    total = kml.WeightedSumLoss([kml.LossTerm(loss, "assays")])
    value = float(total({"assays": LABELS}, {"assays": OUTPUTS}, {"assays": WEIGHTS}))
    assert value == pytest.approx(REDUCED[reduction](), rel=1e-5)


def test_weights_of_samples_in_a_column_are_those_of_a_row():
    total = kml.WeightedSumLoss([kml.LossTerm("mse", "assays")])
    of_samples = WEIGHTS[:, 0]
    values = [
        float(total({"assays": LABELS}, {"assays": OUTPUTS}, weights))
        for weights in (of_samples, of_samples[:, None])
    ]
    expected = np.mean(of_samples * np.mean((LABELS - OUTPUTS) ** 2, axis=-1))
    assert values == pytest.approx([expected] * 2, rel=1e-5)


def model():
    x = keras.Input((3,), name="x")
    built = kml.MultiLossModel(x, {"assays": keras.layers.Activation("linear")(x)})
    built.compile("sgd", loss=kml.LossTerm("binary_crossentropy", "assays"))
    return built


def test_a_model_takes_them_by_position():
    logs = model().evaluate(
        OUTPUTS, {"assays": LABELS}, 4, 0, {"assays": WEIGHTS}, return_dict=True
    )
    assert logs["assays_loss"] == pytest.approx(REDUCED["sum_over_batch_size"](), rel=1e-5)


@needs_unknown_shapes
def test_their_rank_may_be_unknown_while_tracing():
    import tensorflow as tf

    def unknown(*arrays):
        found = tf.py_function(lambda *x: x, arrays, [tf.float32] * 3)
        found[0].set_shape([None, 3])
        return found[0], {"assays": found[1]}, {"assays": found[2]}

    data = tf.data.Dataset.from_tensor_slices((OUTPUTS, LABELS, WEIGHTS)).batch(4).map(unknown)
    logs = model().evaluate(data, verbose=0, return_dict=True)
    assert logs["assays_loss"] == pytest.approx(REDUCED["sum_over_batch_size"](), rel=1e-5)
