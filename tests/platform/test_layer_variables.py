"""Which variables an optimizer was built for, as Keras keeps them."""

from keras_multiloss._platform import keras, variables_unknown_to
from tests.conftest import two_heads, two_heads_data


def test_an_optimizer_knows_the_variables_that_it_was_built_for():
    model, other = two_heads(), two_heads()
    optimizer = keras.optimizers.Adam()
    assert variables_unknown_to(optimizer, model.trainable_variables) == []
    model.compile(optimizer, loss={"age": "mse", "sex": "mse"})
    model.fit(*two_heads_data(), verbose=0)
    assert variables_unknown_to(optimizer, model.trainable_variables) == []
    unknown = variables_unknown_to(optimizer, [other.layers[1].kernel])
    assert [variable is other.layers[1].kernel for variable in unknown] == [True]
