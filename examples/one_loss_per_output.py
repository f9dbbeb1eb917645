"""One function for every output: with plain Keras, and with one term per output.

`compile(loss=function)` applies a function to each output and its label and adds up the
results. Terms say the same by name. From there, each output can have a loss, a weight, a
label or a mask of its own, or share a loss with others, and each term is in the log.
"""

import keras
import numpy as np

import keras_multiloss as kml


@keras.saving.register_keras_serializable(package="examples")
def squared_error(label, output):
    return (label - output) ** 2


def build_model():
    x = keras.Input((10,), name="x")
    first = keras.layers.Dense(10, name="first")(x)
    second = keras.layers.Dense(10, name="second")(x)
    return keras.Model(x, [first, second])


def train_with_plain_keras(model, x, first, second):
    model.compile("adam", loss=squared_error)
    return model.fit(x, [first, second], epochs=8, batch_size=25, shuffle=False, verbose=0).history


def train_with_terms(model, x, first, second):
    loss = kml.LossTerm(squared_error, "first") + kml.LossTerm(squared_error, "second")
    model = kml.MultiLossModel.from_model(model)
    model.compile("adam", loss=loss)
    return model.fit(x, [first, second], epochs=8, batch_size=25, shuffle=False, verbose=0).history


def main():
    data = np.random.default_rng(0).random((3, 100, 10), "float32")
    for train in (train_with_plain_keras, train_with_terms):
        keras.utils.set_random_seed(0)
        logs = {name: values[-1] for name, values in train(build_model(), *data).items()}
        print(
            "{}: {loss:.4f} = {first_loss:.4f} + {second_loss:.4f}".format(train.__name__, **logs)
        )


if __name__ == "__main__":
    main()
