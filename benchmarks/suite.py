"""The topics, and the lanes that they run in."""

from __future__ import annotations

from typing import NamedTuple

KERAS_3_LANES = ("tensorflow", "jax", "torch")
COMPILED_LANES = ("tensorflow", "jax")


class Lane(NamedTuple):
    """An environment of the `Makefile`, in this folder of the repository."""

    folder: str
    environ: dict[str, str]


LANES = {
    "tensorflow": Lane(".venv", {"KERAS_BACKEND": "tensorflow"}),
    "jax": Lane(".venv-jax", {"KERAS_BACKEND": "jax"}),
    "torch": Lane(".venv-torch", {"KERAS_BACKEND": "torch"}),
    "addons": Lane(".venv-addons", {}),
}


class Topic(NamedTuple):
    """What one file of `topics/` measures.

    Attributes:
        title: the heading on the page.
        about: what the page says about it.
        seconds: after which a lane is stopped: two to three times what two quiet cores take.
        lanes: where it runs.
    """

    title: str
    about: str
    seconds: int
    lanes: tuple[str, ...] = KERAS_3_LANES


TOPICS = {
    "heads": Topic(
        "Terms that are alike",
        "Heads of one unit on a small trunk (64 features, 128 hidden units), the mean squared"
        " error of each, batches of 64. *By hand* is a training step without `fit` that "
        "writes no logs, *floor* the same network with its heads joined into one output with "
        "one loss, which has one log. The first epoch of 32 steps includes tracing and "
        "compiling.",
        200,
    ),
    "unlike": Topic(
        "Terms that are not alike",
        "16 heads of 2 to 5 units, each with another loss of Keras, so that no term can be "
        "computed with another.",
        80,
    ),
    "parts": Topic(
        "Parts of a loss",
        "A detector on a grid of 7 x 7 cells whose loss returns a dict of four parts, each of them "
        "logged, beside the same loss as their sum.",
        60,
        COMPILED_LANES,
    ),
    "sequences": Topic(
        "Sequences with masks",
        "Eight tags for each of 40 tokens; batches of 32. A part of the tokens has no label, "
        "which Keras is told by `ignore_class=-1` and ours by `mask=-1`; or is padding, which"
        " an `Embedding` masks.",
        90,
    ),
    "weightings": Topic(
        "Weightings",
        "The rules of `kml.weighting` on eight of the terms above, compared with constant weights.",
        90,
        COMPILED_LANES,
    ),
    "balancing": Topic(
        "Balanced gradients",
        "UPGrad for two and eight tasks on a shared trunk: three dense layers of 256 units "
        "with batches of 1024 (MLP), or three convolutions on 32 x 32 pixels with batches of "
        "64 (CNN). *Balancer* is the layer `kml.GradientBalancer`, *exact* is "
        "`compile(aggregator=...)`, with `every_n_steps` in brackets. All are compared with "
        "`compile(loss=dict)`, which does not balance.",
        120,
        COMPILED_LANES,
    ),
    "balancing_in_torch": Topic(
        "Balanced gradients, and other libraries",
        "The CNN above, for eight tasks, beside the same network in PyTorch alone. TorchJD's "
        "UPGrad joins the gradients in both ways of PyTorch: TorchJD takes them in one "
        "batched pass, or in turn; LibMTL takes one backward pass after another and keeps the"
        " graph.",
        90,
        ("torch",),
    ),
    "triplets": Topic(
        "Triplet losses",
        "Loss and gradient under `tf.function` for embeddings of 64 numbers in 16 classes, "
        "beside TensorFlow Addons. The peak is what a process needs more than before its "
        "first large batch.",
        120,
        ("addons",),
    ),
    "imports": Topic(
        "Import",
        "In a fresh interpreter: `import keras`, what `import keras_multiloss` adds to it, and the "
        "same with the first use of `kml.LossTerm` and `kml.MultiLossModel`.",
        90,
        COMPILED_LANES,
    ),
    "files": Topic(
        "Files",
        "A trained model of 16 heads with its loss and optimizer, to and from a `.keras` "
        "file; and the plain model out of a training model of 500 layers, beside "
        "`keras.models.clone_model`, which makes new layers.",
        90,
        ("tensorflow",),
    ),
    "memory": Topic(
        "Memory",
        "How much larger a process that trains four heads is after 1,000 more steps.",
        100,
        COMPILED_LANES,
    ),
    "settings": Topic(
        "Settings",
        "16 heads as above, and one setting that differs. *As it comes* is `MultiLossModel` "
        "with arrays and batches of 64.",
        90,
        COMPILED_LANES,
    ),
}
