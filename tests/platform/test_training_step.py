"""Where assigned variables are lost, as JAX and Keras let it be seen."""

from keras_multiloss._platform import is_outside_of_scope, keras, ops
from tests.lanes import needs_jax_backend


def test_nothing_is_lost_outside_of_a_trace():
    assert not is_outside_of_scope({"age": ops.ones((2, 1))})


@needs_jax_backend
def test_a_traced_step_loses_what_it_assigns_outside_of_the_scope_of_keras():
    import jax

    seen = []

    def step(x):
        seen.append(is_outside_of_scope([x]))
        with keras.StatelessScope():
            seen.append(is_outside_of_scope([x]))
        return x

    jax.jit(step)(1.0)
    assert seen == [True, False]
