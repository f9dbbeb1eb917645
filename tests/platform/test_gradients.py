"""Gradients of several losses by each backend, apart and as weighted sums."""

import numpy as np

from keras_multiloss._platform import (
    gradient_of_weighted_sum,
    gradients_of,
    gradients_of_weighted_sums,
    keras,
    ops,
    paused,
    reached_by,
    task_tape,
    traced_gradients,
    value_of,
)
from tests.lanes import needs_jax_backend, needs_tape

#: The first loss depends on two of the three variables, the second on one, the third on none.
REACHED = [[True, True, False], [True, False, False], [False, False, False]]
GRADIENTS = [[6.0, 4.0, None], [1.0, None, None], [None, None, None]]


def variables():
    layer = keras.layers.Layer()
    options = {"shape": (), "initializer": "ones"}
    found = [layer.add_weight(name=name, **options) for name in "abc"]
    found[0].assign(2.0)
    found[1].assign(3.0)
    return found


def losses_of(values):
    a, b, c = values
    return [a * b * 2.0, a + ops.stop_gradient(c), ops.zeros(())]


def recorded():
    own = variables()
    with task_tape() as tape:
        losses = losses_of([value_of(v) for v in own])
    return own, losses, tape


def numbers(gradients):
    return [None if g is None else float(ops.convert_to_numpy(g)) for g in gradients]


@needs_tape
def test_gradients_tell_what_a_loss_reaches():
    own, losses, tape = recorded()
    assert reached_by(losses, own, tape) == REACHED
    # The graph stays for other passes.
    assert numbers(gradient_of_weighted_sum(losses, ops.ones((3,)), own, tape, keep=True)) == [
        7.0,
        4.0,
        None,
    ]
    found = [numbers(row) for row in gradients_of(losses, own, tape)]
    assert found == GRADIENTS


@needs_tape
def test_a_weighted_sum_takes_one_pass():
    own, losses, tape = recorded()
    weights = ops.convert_to_tensor(np.array([0.5, 4.0, 9.0], "float32"))
    found = gradient_of_weighted_sum(losses, weights, own[:2], tape, keep=False)
    assert numbers(found) == [7.0, 2.0]


@needs_tape
def test_a_weight_of_zero_is_no_missing_gradient():
    own, losses, tape = recorded()
    weights = ops.zeros((3,))
    assert numbers(gradient_of_weighted_sum(losses, weights, own, tape, keep=False)) == [
        0.0,
        0.0,
        None,
    ]


@needs_tape
def test_a_paused_tape_does_not_record():
    own = variables()
    with task_tape() as tape:
        losses = losses_of([value_of(v) for v in own])
        with paused(tape):
            found = gradients_of(losses, own, tape)
    assert numbers(found[0]) == [6.0, 4.0, None]


@needs_jax_backend
class TestOnJax:
    def test_what_a_loss_reaches_is_known_before_it_is_computed(self):
        values = [value_of(v) for v in variables()]
        reached, computed = traced_gradients(lambda v: (losses_of(v), v[1]), values)
        assert reached == REACHED
        gradients, rest = computed()
        assert [numbers(row) for row in gradients] == GRADIENTS
        assert float(rest) == 3.0

    def test_several_weighted_sums_are_traced_once(self):
        traces = []

        def losses(values):
            traces.append(1)
            return losses_of(values), values[1]

        weightings = [np.array([0.5, 4.0, 9.0], "float32"), np.ones(3, "float32")]
        values = [value_of(v) for v in variables()]
        sums, rest = gradients_of_weighted_sums(losses, weightings, values)
        assert [numbers(row) for row in sums] == [[7.0, 2.0, 0.0], [7.0, 4.0, 0.0]]
        assert float(rest) == 3.0
        assert traces == [1]
