"""What is taken from inside Keras's JAX trainer is there."""

import inspect

import numpy as np

from keras_multiloss._platform import ops
from keras_multiloss._platform._after_errors import STATE_PARTS
from tests.conftest import two_heads, two_heads_data
from tests.lanes import needs_jax_backend


@needs_jax_backend
def test_the_trainer_has_the_parts_of_a_state_in_this_order():
    parameters = list(inspect.signature(two_heads()._get_jax_state).parameters)
    assert parameters == [*STATE_PARTS, "purge_model_variables"]


@needs_jax_backend
def test_a_purged_model_gets_back_what_its_state_holds():
    model = two_heads()
    model.compile("sgd", loss={"age": "mse", "sex": "mse"})
    model.fit(*two_heads_data(), verbose=0)
    kernel = np.array(model.get_weights()[0])
    (state,) = model._get_jax_state(trainable_variables=True, purge_model_variables=True)
    model._jax_state, model._jax_state_synced = {"trainable_variables": state}, False
    model.jax_state_sync()
    np.testing.assert_array_equal(ops.convert_to_numpy(model.get_weights()[0]), kernel)
