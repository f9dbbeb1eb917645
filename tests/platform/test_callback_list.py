"""The list of callbacks of `fit` and `evaluate`: what callbacks see is what Keras shows them."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras
from keras_multiloss._platform._callback_list import StepCallbackList
from tests.lanes import needs_keras_3

pytestmark = needs_keras_3

X = np.linspace(-1.0, 1.0, 30).reshape(10, 3).astype("float32")
Y = {"a": X[:, :1], "b": X[:, 1:2]}


class Seen(keras.callbacks.Callback):
    """What a callback is told, in order."""

    def __init__(self):
        super().__init__()
        self.events = []

    def note(self, event, logs):
        self.events.append((event, None if logs is None else dict(logs)))

    def on_train_begin(self, logs=None):
        self.events.append(("params", dict(self.params)))
        self.note("train begins", logs)

    def on_train_batch_end(self, batch, logs=None):
        self.note(f"batch {batch}", logs)

    def on_test_batch_end(self, batch, logs=None):
        self.note(f"test batch {batch}", logs)

    def on_test_end(self, logs=None):
        self.note("test ends", logs)

    def on_epoch_end(self, epoch, logs=None):
        self.note(f"epoch {epoch}", logs)

    def on_train_end(self, logs=None):
        self.note("train ends", logs)


class InKeras(kml.MultiLossModel):
    """With a step of its own, so that all is left to Keras."""

    def train_step(self, *args):
        return super().train_step(*args)

    def test_step(self, *args):
        return super().test_step(*args)


def compiled(cls):
    keras.utils.set_random_seed(1)
    x = keras.Input((3,), name="x")
    model = cls(x, {n: keras.layers.Dense(1, name=n)(x) for n in "ab"})
    loss = kml.LossTerm("mse", "a") + kml.LossTerm("mse", "b")
    model.compile(keras.optimizers.SGD(0.1), loss=loss, metrics={"a": ["mae"]})
    return model


def assert_alike(found, expected):
    assert [event for event, _ in found] == [event for event, _ in expected]
    for (event, one), (_, other) in zip(found, expected, strict=True):
        assert (one is None) == (other is None), event
        if one is None:
            continue
        assert list(one) == list(other), event
        for name, value in one.items():
            if isinstance(value, float):
                assert type(other[name]) is float
                np.testing.assert_allclose(value, other[name], rtol=1e-5, err_msg=f"{event} {name}")
            else:
                assert value == other[name], (event, name)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"batch_size": 4, "epochs": 2},
        {"validation_split": 0.25, "batch_size": 4},
        {"validation_data": (X, Y), "batch_size": 3},
        {"steps_per_epoch": 2, "batch_size": 4},
        {"verbose": 2, "batch_size": 7},
    ],
    ids=str,
)
def test_callbacks_are_told_what_keras_tells_them(options):
    told = []
    for cls in (kml.MultiLossModel, InKeras):
        seen = Seen()
        arguments = {"verbose": 0, "shuffle": False, **options}
        compiled(cls).fit(X, Y, callbacks=[seen], **arguments)
        told.append(seen.events)
    assert_alike(*told)


def test_evaluation_tells_callbacks_what_keras_tells_them():
    told = []
    for cls in (kml.MultiLossModel, InKeras):
        seen = Seen()
        compiled(cls).evaluate(X, Y, batch_size=4, callbacks=[seen], verbose=0)
        told.append(seen.events)
    assert_alike(*told)


def test_the_bar_shows_the_same(capsys):
    shown = []
    for cls in (kml.MultiLossModel, InKeras):
        compiled(cls).fit(X, Y, batch_size=4, verbose=1, shuffle=False)
        text = capsys.readouterr().out.replace("\r", "\n").replace("\b", "")
        # The bar ends in blanks over what it showed before, whose times differ.
        shown.append(text.split("a_loss")[-1].rstrip())
    assert "loss: " in shown[0]
    assert shown[0] == shown[1]


def test_the_list_of_a_user_is_left_alone():
    seen = Seen()
    model = compiled(kml.MultiLossModel)
    own = keras.callbacks.CallbackList([seen], add_history=True, model=model, epochs=1, steps=2)
    model.fit(X, Y, batch_size=5, callbacks=own, verbose=0)
    assert [event for event, _ in seen.events if event.startswith("batch")] == [
        "batch 0",
        "batch 1",
    ]
    assert all(type(value) is float for value in seen.events[-1][1].values())


def test_a_callback_of_functions_is_heard():
    batches = []
    callback = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: batches.append((batch, logs["a_loss"]))
    )
    compiled(kml.MultiLossModel).fit(X, Y, batch_size=5, callbacks=[callback], verbose=0)
    assert [batch for batch, _ in batches] == [0, 1]


def test_keras_still_calls_what_the_list_replaces(monkeypatch):
    called = []

    class Noted(StepCallbackList):
        def _on_train_batch_end(self, batch, logs=None):
            called.append(batch)
            super()._on_train_batch_end(batch, logs)

        def _on_test_batch_end(self, batch, logs=None):
            called.append(-batch)
            super()._on_test_batch_end(batch, logs)

    module = "keras_multiloss._platform._callback_list.StepCallbackList"
    monkeypatch.setattr(module, Noted)
    compiled(kml.MultiLossModel).fit(
        X,
        Y,
        batch_size=5,
        callbacks=[Seen()],
        validation_data=(X[:5], {n: v[:5] for n, v in Y.items()}),
        verbose=0,
    )
    assert called == [0, 1, 0]
