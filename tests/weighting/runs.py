"""Rules run by hand, as a host runs them."""

import numpy as np

from keras_multiloss._platform import ops

N_STEPS = 60
STEPS_AN_EPOCH = 7
NAMES = ["a", "b", "c"]


def falling_losses(n_steps=N_STEPS):
    """Three losses of different sizes that fall at different rates, with noise."""
    rng = np.random.default_rng(4)
    steps = np.arange(n_steps)[:, None]
    fall = np.array([3.0, 0.4, 20.0]) * np.exp(-steps * np.array([0.03, 0.01, 0.05]))
    return fall * np.exp(0.1 * rng.normal(size=fall.shape))


def initial_state(rule, names=NAMES):
    slots = rule.initial_state(names)
    return {key: ops.convert_to_tensor(slot.initial, "float32") for key, slot in slots.items()}


def run(rule, losses, names=NAMES):
    """The weights and penalties of training steps, one row a step."""
    state, rows = initial_state(rule, names), []
    for step, row in enumerate(losses):
        seen = ops.convert_to_tensor(row.astype("float32"))
        state = {**state, "step": ops.convert_to_tensor(step, "int32")}
        if step % STEPS_AN_EPOCH == 0:
            state = rule.start_epoch(state)
        state = rule.advance(seen, state)
        weights = ops.convert_to_numpy(rule.weights(seen, state))
        penalty = float(ops.convert_to_numpy(rule.penalty(seen, state)))
        rows.append((weights, penalty))
    return np.array([weights for weights, _ in rows]), np.array([p for _, p in rows])


def run_reference(reference, losses):
    rows = [reference.step(row, i % STEPS_AN_EPOCH == 0) for i, row in enumerate(losses)]
    return np.array([weights for weights, _ in rows]), np.array([p for _, p in rows])
