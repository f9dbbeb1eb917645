"""Weights that bring tasks to a common training rate."""

import numpy as np

from keras_multiloss._platform import ops
from keras_multiloss._training_rates import weights_after_step


def step(weights, sizes, losses, **arguments):
    given = (np.array(x, "float32") for x in (weights, sizes, losses))
    options = {"alpha": 1.0, "learning_rate": 0.1, **arguments}
    return ops.convert_to_numpy(weights_after_step(*map(ops.convert_to_tensor, given), **options))


def test_it_is_one_step_of_descent_on_the_distance_in_log_weights():
    weights, sizes, losses = np.array([0.5, 1.5]), np.array([4.0, 1.0]), np.array([0.2, 0.6])
    weighted = weights * sizes
    target = weighted.mean() * losses / losses.mean()
    trained = weights * np.exp(-0.1 * np.sign(weighted - target) * weighted / weighted.mean())
    expected = 2 * trained / trained.sum()
    np.testing.assert_allclose(step(weights, sizes, losses), expected, rtol=1e-6)  # float32


def test_weights_sum_to_their_number():
    assert np.isclose(step([1.0, 1.0, 1.0], [1.0, 5.0, 20.0], [1.0, 0.5, 0.1]).sum(), 3.0)


def test_a_task_at_its_target_keeps_its_share():
    np.testing.assert_allclose(step([1.0, 1.0], [2.0, 2.0], [0.5, 0.5]), [1.0, 1.0])


def test_sizes_of_zero_move_nothing():
    np.testing.assert_array_equal(step([1.0, 1.0], [0.0, 0.0], [1.0, 1.0]), [1.0, 1.0])
