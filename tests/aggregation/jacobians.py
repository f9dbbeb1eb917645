"""Task gradients to try each rule on: one a row, float32 numbers in float64."""

import numpy as np

N_PARAMETERS = 20


def rounded(jacobian):
    """Float32 numbers in float64, so that a rule and its reference see the same ones."""
    return np.asarray(jacobian, "float32").astype("float64")


def padded(jacobian):
    """With columns of zeros, which no rule sees: compiled rules want one shape."""
    jacobian = np.asarray(jacobian, "float64")
    return np.pad(jacobian, [(0, 0), (0, N_PARAMETERS - jacobian.shape[1])])


def random(n_tasks, seed=0, n_parameters=N_PARAMETERS):
    """Normal numbers."""
    rng = np.random.default_rng([n_tasks, seed])
    return rounded(rng.normal(size=(n_tasks, n_parameters)))


def spread(n_tasks, factor=1e4, seed=0):
    """Random gradients of lengths from 1 down to 1 / factor, in random order."""
    rng = np.random.default_rng([n_tasks, seed])
    lengths = rng.permutation(np.geomspace(1.0, 1.0 / factor, n_tasks))
    return rounded(random(n_tasks, seed) * lengths[:, None])


def dependent(n_tasks, rank=2):
    """More tasks than dimensions, within a cone where all can progress."""
    return rounded(padded(random(n_tasks, 1, rank) + 2.5))


def duplicated(n_tasks):
    """The last gradient is that of the first task again."""
    gradients = random(n_tasks)
    return np.vstack([gradients[:-1], gradients[:1]])


def with_a_zero(n_tasks):
    gradients = random(n_tasks)
    gradients[1] = 0
    return gradients


def stationary(n_tasks):
    """An average of the gradients with positive weights is exactly 0, as they are integers."""
    rng = np.random.default_rng(n_tasks)
    gradients = rng.integers(-4, 5, size=(n_tasks - 1, N_PARAMETERS)).astype("float64")
    return np.vstack([gradients, -(1 + np.arange(n_tasks - 1) % 2) @ gradients])


def nearly_opposite(gap=5e-5):
    """Two gradients of cosine `gap` - 1, and a third one."""
    sine = np.sqrt(1 - (1 - gap) ** 2)
    return rounded(padded([[1, 0, 0, 0], [gap - 1, sine, 0, 0], [0.2, 0.1, 0.5, -0.3]]))


#: Gradients whose combination a float32 Gramian determines to its last digits but one.
WELL_POSED = {
    "random": random,
    "spread over 1e4": spread,
    "dependent": dependent,
    "duplicated": duplicated,
}

#: Those where the weights are not determined, or nothing can be gained.
DEGENERATE = {"a zero": with_a_zero, "stationary": stationary}
