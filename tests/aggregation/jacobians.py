"""Task gradients to try each rule on: one a row, float32 numbers in float64."""

import numpy as np

N_PARAMETERS = 20

#: Gradients whose combination is known to all digits from a float32 Gramian.
WELL_POSED = {}

#: Those where digits are lost, or the weights are not determined.
DEGENERATE = {}


def rounded(jacobian):
    """Float32 numbers in float64, so that a rule and its reference see the same ones."""
    return np.asarray(jacobian, "float32").astype("float64")


def random(n_tasks, seed=0, n_parameters=N_PARAMETERS):
    """Normal gradients, every other of which points back: conflict, but no stationary point."""
    rng = np.random.default_rng([n_tasks, seed])
    return rounded(rng.normal(size=(n_tasks, n_parameters)))


def spread(n_tasks, factor=1e4, seed=0):
    """Random gradients of lengths from 1 down to 1 / factor, in random order."""
    rng = np.random.default_rng([n_tasks, seed])
    lengths = rng.permutation(np.geomspace(1.0, 1.0 / factor, n_tasks))
    return rounded(random(n_tasks, seed) * lengths[:, None])


def nearly_opposite(cosine_gap=5e-5):
    """Two gradients of cosine `cosine_gap - 1`, and a third one."""
    sine = np.sqrt(1 - (1 - cosine_gap) ** 2)
    return rounded([[1, 0, 0, 0], [cosine_gap - 1, sine, 0, 0], [0.2, 0.1, 0.5, -0.3]])


for n_tasks in (1, 2, 3, 4, 6, 8, 12, 16):
    WELL_POSED[f"{n_tasks} random"] = random(n_tasks)
