r"""Labels as inputs: a training model that reads its labels beside its inputs.

The total loss $\sum_i \sum (y_i - \hat y_i)^2 (i + 1)$ of two outputs is computed inside the model,
which is fed with dicts `{input_1, input_2, input_3}` from a pipeline. In tf.keras it was
written with `model.add_loss`, which functional models of Keras 3 no longer have.
"""

import keras
import numpy as np

import keras_multiloss as kml

try:
    import tensorflow as tf
except ImportError:  # Keras on JAX or torch does not need it
    tf = None

LABEL_INPUTS = {"output_1": "input_2", "output_2": "input_3"}


def build_model():
    x = keras.Input((10,), name="input_1")
    return keras.Model(x, {name: keras.layers.Dense(10, name=name)(x) for name in LABEL_INPUTS})


def build_training_model(model):
    # "sum" adds up the batch, but Keras takes the mean over the 10 entries of an output.
    squares = keras.losses.MeanSquaredError(reduction="sum")
    loss = sum(
        kml.LossTerm(squares, name, weight=10 * (i + 1)) for i, name in enumerate(LABEL_INPUTS)
    )
    labels = {label: {"shape": (10,), "name": name} for label, name in LABEL_INPUTS.items()}
    training_model = kml.attach_losses(model, loss, labels)
    training_model.compile("adam")
    return training_model


def random_rows():
    x, first, second = np.random.default_rng(0).random((3, 100, 10), "float32")
    return x, {"output_1": first, "output_2": second}


def batches(x, labels, size=32):
    """Batches of the rows, again and again: `.batch(size).repeat()` without `tf.data`."""
    while True:
        for start in range(0, len(x), size):
            rows = slice(start, start + size)
            yield x[rows], {name: label[rows] for name, label in labels.items()}


def pipeline(rows):
    """An endless pipeline of `(x, y)`, turned into one of dicts of inputs."""
    if tf is None:
        data = batches(*rows)
    else:
        data = tf.data.Dataset.from_tensor_slices(rows).batch(32).repeat()
    return kml.data.labels_to_inputs(data, inputs="input_1", rename=LABEL_INPUTS)


def train(training_model, data, **steps):
    return training_model.fit(data, shuffle=False, verbose=0, **steps).history


def main():
    keras.utils.set_random_seed(0)
    rows = random_rows()
    model = build_model()
    training_model = build_training_model(model)
    history = train(training_model, pipeline(rows), epochs=3, steps_per_epoch=10)
    for i, loss in enumerate(history["loss"]):
        print(f"steps {10 * i + 1:2} to {10 * i + 10}: mean loss {loss:.1f}")
    outputs = kml.strip_losses(training_model).predict(rows[0], verbose=0)
    print("predicted without labels:", {name: value.shape for name, value in outputs.items()})


if __name__ == "__main__":
    main()
