"""Terms that are evaluated as one: what they are, and that nothing but the speed changes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import keras_multiloss as kml
from keras_multiloss._platform import gradients_of, keras, ops, set_keras_mask, task_tape
from keras_multiloss.spec import Batch
from tests.lanes import needs_tensorflow_backend

N_TERMS, N_SAMPLES = 4, 5

#: Losses, the shapes of an output that they take, and whether their labels are class numbers.
ENTRIES, ROWS = [(), (1,), (3,), (2, 3)], [(3,), (2, 3)]
LOSSES = {
    "mse": ENTRIES,
    "mae": ENTRIES,
    "poisson": ENTRIES,
    "binary_crossentropy": ENTRIES,
    "categorical_crossentropy": ROWS,
    "cosine_similarity": ROWS,
    "kl_divergence": ROWS,
    "sparse_categorical_crossentropy": ROWS,
}


@st.composite
def sums_and_data(draw):
    """A sum of terms, some of which are alike, with labels, outputs and sample weights."""
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    terms, labels, outputs, weights = [], {}, {}, {}
    kinds = draw(st.lists(st.sampled_from(sorted(LOSSES)), min_size=1, max_size=3))
    for kind in kinds:
        shape = draw(st.sampled_from(LOSSES[kind]))
        is_sparse = kind.startswith("sparse")
        mask = draw(st.sampled_from([None, "nan", -1.0]))
        options = {
            "mask": None if is_sparse and mask == "nan" else mask,
            "reduction": draw(
                st.sampled_from(
                    [None, "sum", "sum_over_axes", "mean_per_sample", "weighted_mean"]
                )
            ),
            "class_weight": draw(st.sampled_from([None, {0: 2.0, 1: 0.5}])),
        }
        is_weighted = draw(st.booleans())
        for _ in range(draw(st.integers(1, 3))):
            name = f"t{len(terms)}"
            terms.append(
                kml.LossTerm(kind, name, weight=draw(st.sampled_from([0.0, 0.5, 1.0])), **options)
            )
            label, outputs[name] = tensors_of(rng, shape, is_sparse)
            if options["mask"] is not None:
                lost = rng.random(label.shape) < 0.4
                value = np.nan if options["mask"] == "nan" else -1
                label = np.where(lost, value, label).astype(label.dtype)
            labels[name] = label
            if is_weighted:
                weights[name] = rng.random(N_SAMPLES).astype("float32")
    order = draw(st.permutations(range(len(terms))))
    return [terms[i] for i in order], labels, outputs, weights


def tensors_of(rng, shape, is_sparse):
    output = rng.uniform(0.05, 0.95, (N_SAMPLES, *shape)).astype("float32")
    if is_sparse:
        return rng.integers(0, shape[-1], (N_SAMPLES, *shape[:-1])).astype("int32"), output
    return rng.integers(0, 2, (N_SAMPLES, *shape)).astype("float32"), output


def losses_and_gradients(loss, labels, outputs, weights):
    """The total with its gradients of the outputs, and what each task logs."""
    variables = {name: keras.Variable(value) if hasattr(keras, "Variable") else
                 ops.convert_to_tensor(value) for name, value in outputs.items()}
    raise NotImplementedError
