"""`InBatchSoftmaxLoss` in both directions, with a temperature that is learned, without hits."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras
from tests.losses.messages import exactly

RNG = np.random.default_rng(13)
QUERY, ITEM = RNG.normal(size=(2, 6, 4)).astype("float32")
ITEM_ID = np.array([3, 1, 3, 2, 1, 3])
LOG_Q = np.log(RNG.uniform(0.1, 0.9, 6)).astype("float32")
#: Sums of six float32 numbers in another order.
CLOSE = {"rtol": 1e-5, "atol": 1e-6}


def values(label, *outputs, **arguments):
    loss = kml.losses.InBatchSoftmaxLoss(reduction="none", **arguments)
    return np.array([float(x) for x in loss(label, outputs)])


def test_the_symmetric_loss_is_the_same_for_swapped_towers():
    found = values(None, ITEM, QUERY, symmetric=True)
    np.testing.assert_allclose(found, values(None, QUERY, ITEM, symmetric=True), **CLOSE)
    assert not np.allclose(values(None, ITEM, QUERY), values(None, QUERY, ITEM), rtol=0.01)


def test_the_symmetric_loss_is_the_mean_of_both_directions():
    both = (values(None, QUERY, ITEM) + values(None, ITEM, QUERY)) / 2
    np.testing.assert_allclose(values(None, QUERY, ITEM, symmetric=True), both, **CLOSE)


def test_log_q_corrects_the_direction_of_queries_only():
    both = (values(LOG_Q, QUERY, ITEM) + values(None, ITEM, QUERY)) / 2
    np.testing.assert_allclose(values(LOG_Q, QUERY, ITEM, symmetric=True), both, **CLOSE)


@pytest.mark.parametrize("shape", [(), (1,), (6,), (6, 1)])
def test_a_temperature_may_be_an_output_of_any_of_these_shapes(shape):
    temperature = np.full(shape, 0.25, "float32")
    found = values(None, QUERY, ITEM, temperature, temperature=2.0, symmetric=True)
    expected = values(None, QUERY, ITEM, temperature=0.5, symmetric=True)
    np.testing.assert_allclose(found, expected, **CLOSE)


def test_a_learned_temperature_moves():
    x = keras.Input((4,), name="x")
    log_scale = keras.layers.Dense(1, "exponential", name="temperature", kernel_initializer="zeros")
    ones = keras.layers.Lambda(lambda x: 0.0 * x[:, :1], output_shape=(1,))(x)
    outputs = {
        "query": keras.layers.Dense(3)(x),
        "item": keras.layers.Dense(3)(x),
        "temperature": log_scale(ones),
    }
    model = kml.MultiLossModel(x, outputs)
    loss = kml.losses.InBatchSoftmaxLoss(normalize=True, symmetric=True)
    term = kml.LossTerm(loss, ["query", "item", "temperature"], None, name="clip")
    model.compile(keras.optimizers.SGD(1.0), loss=term)
    model.fit(QUERY, {}, batch_size=6, epochs=1, verbose=0)
    assert abs(log_scale.get_weights()[1][0]) > 1e-3


def test_the_same_item_is_no_negative():
    found = values(ITEM_ID, QUERY, ITEM, remove_accidental_hits=True)
    for i in range(6):
        kept = [j for j in range(6) if j == i or ITEM_ID[j] != ITEM_ID[i]]
        scores = QUERY[i] @ ITEM[kept].T
        expected = np.log(np.exp(scores).sum()) - scores[kept.index(i)]
        assert found[i] == pytest.approx(expected, rel=1e-5)


def test_hits_and_log_q_come_as_a_pair():
    apart = np.arange(6)
    found = values((LOG_Q, apart), QUERY, ITEM, remove_accidental_hits=True)
    np.testing.assert_allclose(found, values(LOG_Q, QUERY, ITEM), **CLOSE)


def test_a_batch_of_one_item_has_no_negatives():
    same = np.full(6, 4)
    assert values(same, QUERY, ITEM, remove_accidental_hits=True).tolist() == [0.0] * 6


def test_large_numbers_of_items_stay_apart():
    near = 2**24 + np.arange(6)  # float32 does not tell these apart
    found = values(near, QUERY, ITEM, remove_accidental_hits=True)
    np.testing.assert_allclose(found, values(None, QUERY, ITEM), **CLOSE)


def test_hits_without_a_label_are_refused():
    with pytest.raises(ValueError, match="InBatchSoftmaxLoss: it needs one label"):
        values(None, QUERY, ITEM, remove_accidental_hits=True)


def test_a_pair_of_labels_needs_remove_accidental_hits():
    with pytest.raises(ValueError, match="InBatchSoftmaxLoss: it needs one label"):
        values((LOG_Q, ITEM_ID), QUERY, ITEM)


def test_a_label_of_several_numbers_per_sample_is_refused():
    message = exactly(
        "InBatchSoftmaxLoss: the label `log_q` is not one number per sample.",
        "  Expected: shape (6,) or (6, 1)",
        "  Received: shape (6, 2)",
    )
    with pytest.raises(ValueError, match=message):
        values(np.zeros((6, 2), "float32"), QUERY, ITEM)


def test_a_temperature_of_several_numbers_per_sample_is_refused():
    with pytest.raises(ValueError, match="the temperature is not one number per sample"):
        values(None, QUERY, ITEM, ITEM)
