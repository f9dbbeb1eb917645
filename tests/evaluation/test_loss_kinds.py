"""What the library knows of Keras's losses."""

import inspect

import numpy as np
import pytest

from keras_multiloss._platform import keras, ops
from keras_multiloss.evaluation import ELEMENTWISE, SPARSE, VECTOR, WHOLE, kind_of, snake_case

#: Losses over tensors of other shapes, which the library leaves to themselves.
UNKNOWN = {"circle", "ctc"}


def classes_of_keras():
    return [
        cls
        for cls in vars(keras.losses).values()
        if inspect.isclass(cls)
        and issubclass(cls, keras.losses.Loss)
        and cls is not keras.losses.Loss
    ]


@pytest.mark.parametrize("cls", classes_of_keras(), ids=lambda cls: cls.__name__)
def test_every_loss_of_keras_is_of_a_known_kind(cls):
    """A loss that a new Keras brings fails here until someone says what it is."""
    kind = kind_of(cls())
    assert kind != "unknown" or snake_case(cls.__name__) in UNKNOWN


@pytest.mark.parametrize("name", sorted(ELEMENTWISE | VECTOR | {"sparse_categorical_crossentropy"}))
def test_a_function_is_of_the_kind_of_its_class(name):
    class_name = "".join(word.title() for word in name.split("_"))
    cls = getattr(keras.losses, {"KlDivergence": "KLDivergence"}.get(class_name, class_name))
    assert kind_of(keras.losses.get(name)) == kind_of(cls())


@pytest.mark.parametrize("name", sorted(ELEMENTWISE))
def test_an_elementwise_loss_is_the_mean_over_its_entries(name):
    """The very property that leaving out single entries relies on."""
    loss = keras.losses.get(name)
    label = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]], "float32")
    output = np.array([[0.9, 0.2, 0.3], [0.4, 0.6, 0.1]], "float32")
    of_rows = ops.convert_to_numpy(loss(label, output))
    of_entries = ops.convert_to_numpy(loss(label[..., None], output[..., None]))
    # A mean of three float32 numbers, added up in another order.
    np.testing.assert_allclose(of_rows, of_entries.mean(axis=-1), rtol=1e-6)


def test_the_groups_have_nothing_in_common():
    groups = [ELEMENTWISE, VECTOR, WHOLE, SPARSE]
    assert len(set().union(*groups)) == sum(map(len, groups))


def test_another_axis_than_the_last_makes_a_loss_of_whole_samples():
    assert kind_of(keras.losses.CosineSimilarity()) == "vector"
    assert kind_of(keras.losses.CosineSimilarity(axis=1)) == "whole"
    assert kind_of(keras.losses.BinaryCrossentropy()) == "elementwise"
    assert kind_of(keras.losses.BinaryCrossentropy(axis=1)) == "whole"


def mine(y_true, y_pred):
    return y_pred


class Huber(keras.losses.Loss):
    """By its name alone it is none of Keras's."""

    def call(self, y_true, y_pred):
        return y_pred


def test_a_loss_of_ones_own_is_unknown():
    assert kind_of(mine) == "unknown"
    assert kind_of(Huber()) == "unknown"


def test_a_loss_may_declare_its_kind():
    loss = Huber()
    loss.kind = "elementwise"
    assert kind_of(loss) == "elementwise"


def test_an_attribute_that_means_something_else_declares_nothing():
    loss = Huber()
    loss.kind = "quadratic"
    assert kind_of(loss) == "unknown"
