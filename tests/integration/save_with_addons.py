"""Saves models compiled with the losses of TensorFlow Addons 0.23, as old projects have them.

The files and what each model evaluates to are committed under `files/`. They were written by

    .venv-addons/bin/python -m tests.integration.save_with_addons

(TensorFlow 2.15); `test_addons_files.py` holds them to what the package evaluates now.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

FILES = Path(__file__).parent / "files"
EXPECTED = FILES / "expected.json"

ROWS = 8


def wave(*shape):
    """Numbers between -1 and 1 that are the same everywhere."""
    return np.sin(1.7 * np.arange(np.prod(shape)) + 1.0).reshape(shape).astype("float32")


def boxes():
    """Boxes that overlap those of a layer with small weights and a bias of a large box."""
    return np.array([-1, -1, 1, 1], "float32") + 0.5 * wave(ROWS, 4)


X = wave(ROWS, 3)
NUMBERS = wave(ROWS, 1)
FLAGS = (wave(ROWS, 3) > 0).astype("float32")
IS_ALIKE = np.array([0, 1, 1, 0, 1, 0, 0, 1], "float32")
CLASSES = np.array([0, 1, 2, 3, 0, 1, 2, 0])
ONE_HOT = np.eye(4, dtype="float32")[CLASSES]
TAGS = np.maximum(ONE_HOT, ONE_HOT[::-1])


@dataclass(frozen=True)
class Saved:
    """A model of one layer, and the loss that it was compiled with.

    Args:
        loss: the name of the loss in `tfa.losses`: a class, or a function.
        label: what the loss compares the output to.
        n_outputs: the units of the layer.
        activation: of the layer.
        arguments: what the loss is made with, if it is a class.
    """

    loss: str
    label: np.ndarray
    n_outputs: int
    activation: str = "linear"
    arguments: dict[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return FILES / f"{self.loss}.h5"

    @property
    def is_function(self) -> bool:
        return self.loss.islower()


ALL = [
    Saved("GIoULoss", boxes(), 4, arguments={"mode": "iou"}),
    Saved("PinballLoss", NUMBERS, 1, arguments={"tau": 0.1}),
    Saved("SigmoidFocalCrossEntropy", FLAGS, 3, "sigmoid", {"gamma": 1.5}),
    Saved("SparsemaxLoss", ONE_HOT, 4),
    Saved("WeightedKappaLoss", ONE_HOT, 4, "softmax", {"num_classes": 4}),
    Saved("ContrastiveLoss", IS_ALIKE, 1, "softplus", {"margin": 0.5}),
    Saved("LiftedStructLoss", CLASSES, 3, arguments={"margin": 0.7}),
    Saved("NpairsLoss", CLASSES, ROWS),
    Saved("NpairsMultilabelLoss", TAGS, ROWS),
    Saved("TripletHardLoss", CLASSES, 3, arguments={"soft": True}),
    Saved("TripletSemiHardLoss", CLASSES, 3, arguments={"margin": 0.5}),
    # The functions that the package itself can load; the others it saves by a bare name.
    Saved("giou_loss", boxes(), 4),
    Saved("pinball_loss", NUMBERS, 1),
    Saved("sigmoid_focal_crossentropy", FLAGS, 3, "sigmoid"),
]


def compiled(saved: Saved) -> Any:
    """The model, with weights by formula and the loss of the package."""
    import tensorflow as tf
    import tensorflow_addons as tfa

    loss = getattr(tfa.losses, saved.loss)
    layer = tf.keras.layers.Dense(saved.n_outputs, saved.activation, name="output")
    model = tf.keras.Sequential([tf.keras.Input((3,), name="x"), layer], name="saved")
    bias = np.linspace(-1, 1, saved.n_outputs, dtype="float32")
    layer.set_weights([0.5 * wave(3, saved.n_outputs), bias])
    model.compile("sgd", loss=loss if saved.is_function else loss(**saved.arguments))
    return model


def evaluated(model: Any, saved: Saved) -> float:
    """The loss of the model on the whole data as one batch."""
    if saved.loss == "NpairsLoss":
        # `evaluate` makes class numbers `(batch, 1)`, for which the loss of the package is NaN.
        return float(model.loss(saved.label, model.predict(X, verbose=0)))
    return float(model.evaluate(X, saved.label, batch_size=ROWS, verbose=0))


def main() -> None:
    FILES.mkdir(exist_ok=True)
    expected = {}
    for saved in ALL:
        model = compiled(saved)
        expected[saved.loss] = evaluated(model, saved)
        model.save(saved.path)
    EXPECTED.write_text(json.dumps(expected, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
