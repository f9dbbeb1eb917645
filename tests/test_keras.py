"""What the library takes from inside Keras is there and does what is relied on."""

import numpy as np
import pytest

from keras_multiloss import _keras
from keras_multiloss._keras import KERAS_3, keras, ops
from tests.conftest import two_heads


def test_losses_keep_the_arguments_that_their_configs_drop():
    assert _keras.constructor_extras(keras.losses.Huber(delta=0.3))["delta"] == 0.3
    assert _keras.constructor_extras(keras.losses.CosineSimilarity(axis=1))["axis"] == 1


def test_masking_layers_leave_a_mask_that_is_found():
    embedded = keras.layers.Embedding(5, 3, mask_zero=True)(ops.convert_to_tensor([[1, 0]]))
    mask = ops.convert_to_numpy(_keras.keras_mask(embedded))
    np.testing.assert_array_equal(mask, [[True, False]])
    assert _keras.keras_mask(ops.convert_to_tensor([[1.0]])) is None


class Counter(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.count = _keras.add_counter(self, "count")
        self.built = True


def test_a_state_layer_of_a_built_model_is_tracked_and_replaced():
    model = two_heads()
    n_weights = len(model.weights)
    for _ in range(2):
        _keras.set_state_layer(model, "state", Counter())
        assert len(model.weights) == n_weights + 1
        assert len(model.non_trainable_weights) == 1
    _keras.set_state_layer(model, "state", None)
    assert len(model.weights) == n_weights


def test_a_replayed_graph_leaves_layers_out_and_tells_which_inputs_are_used():
    a, b = keras.Input((2,), name="a"), keras.Input((2,), name="b")
    added = keras.layers.Add(name="add")([a, b])
    model = keras.Model([a, b], keras.layers.Dense(1, name="out")(added))
    inputs, outputs, used = _keras.replay_without(model, lambda layer: False)
    assert [id(tensor) in used for tensor in inputs] == [True, True]
    replayed = keras.Model(inputs, outputs)
    rows = [np.ones((3, 2), "float32"), np.full((3, 2), 2.0, "float32")]
    np.testing.assert_array_equal(replayed.predict(rows, verbose=0), model.predict(rows, verbose=0))


@pytest.mark.parametrize("name", ["sums", "count"])
def test_weights_of_replicas_are_weights_of_the_layer(name):
    layer = keras.layers.Layer()
    make = _keras.add_sums if name == "sums" else _keras.add_counter
    variable = make(layer, name, (3,)) if name == "sums" else make(layer, name)
    assert len(layer.non_trainable_weights) == 1
    assert layer.trainable_weights == []
    variable.assign(variable + 1)
    assert float(np.sum(ops.convert_to_numpy(ops.convert_to_tensor(variable)))) in {1.0, 3.0}


def test_objects_of_the_other_keras_are_told_apart():
    other = "tf_keras" if keras.__name__.startswith("keras") else "keras"
    foreign = type("Foreign", (), {"__module__": f"{other}.losses"})
    assert _keras.is_from_other_keras(foreign())
    assert not _keras.is_from_other_keras(keras.losses.Huber())


@pytest.mark.skipif(KERAS_3, reason="Keras 3 has `keras.ops` itself")
def test_the_ops_of_keras_2_cast_as_keras_3_does():
    assert ops.convert_to_tensor(1.5).dtype.name == "float32"
    assert ops.argmax(ops.convert_to_tensor([[1.0, 3.0]])).numpy().tolist() == [1]
    assert ops.shape(ops.convert_to_tensor([[1.0, 3.0]])) == (1, 2)
