"""Two programs for a training step of JAX, and who says which of them runs."""

import itertools

import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras
from keras_multiloss._platform._turns import AT_TURN, IN_BETWEEN, _marked
from keras_multiloss.engine import _weights_by_turns_on_jax as by_turns
from tests.balancing import OPTIONS, TASKS, data, exact, network
from tests.lanes import needs_jax_backend


@pytest.mark.parametrize(("left", "expected"), [(0, "T--T--T"), (1, "-T--T--"), (2, "--T--T-")])
def test_each_nth_step_is_marked_from_wherever_training_goes_on(left, expected):
    marked = itertools.islice(_marked(iter(range(7)), left, 3), 7)
    found = [next(iter(one.items())) for one in marked]
    assert [number for _, number in found] == list(range(7))
    marks = {AT_TURN: "T", IN_BETWEEN: "-"}
    assert "".join(marks[mark] for mark, _ in found) == expected


@needs_jax_backend
def test_no_program_has_a_branch_in_it(monkeypatch):
    def refuse(*_):
        raise AssertionError("a branch was traced")

    monkeypatch.setattr(by_turns, "either", refuse)
    model, (x, y) = exact("upgrad", every_n_steps=2), data()
    model.fit(x, y, **OPTIONS)


class OwnStep(kml.MultiLossModel):
    """Its step takes data as they are."""

    def train_step(self, *args):
        _, y, *_ = args[-1]
        assert set(y) == set(TASKS)
        return super().train_step(*args)


def test_a_step_of_ones_own_gets_data_as_they_are():
    model = OwnStep.from_model(network())
    loss = sum(kml.LossTerm("mse", task) for task in TASKS)
    optimizer = keras.optimizers.SGD(0.01)
    model.compile(optimizer, loss=loss, aggregator="upgrad", every_n_steps=2)
    x, y = data()
    model.fit(x, y, **OPTIONS)
    assert int(model.aggregator_state().state_variables()["steps_left"]) == 1
