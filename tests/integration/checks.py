"""What every acceptance case goes through: training, files, and serving, in both hosts.

A case is a function `build` that returns a prediction model and its total loss, as a user
would write it, and data. The rest of what a user writes stands here, in `train`.
"""

import inspect
from pathlib import Path

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras
from keras_multiloss.spec import as_weighted_sum, by_name
from tests.fresh import FreshProcess
from tests.lanes import BACKEND

#: What a user may have to write for a case: `build`, with the layers and losses of the user's own
#: that it needs, and the lines of `train`.
MAX_LINES = 30
N_LINES_OF_TRAIN = 4

#: A file is evaluated by the same operations, traced anew: equal but for the last bits.
SAME = {"rel": 1e-6, "abs": 1e-7}


def train(host, model, loss, data, *, labels=None, compiled=None, **fit):
    """A model trained in a host, the data it takes, and its history."""
    optimizer, fit = keras.optimizers.Adam(0.01), {"epochs": 4, "verbose": 0, **fit}
    if host == "model":
        hosted = kml.MultiLossModel.from_model(model)
        hosted.compile(optimizer, loss=loss, **(compiled or {}))
    else:
        hosted = kml.attach_losses(model, loss, labels)
        inputs = None if isinstance(data[0], dict) else model.inputs[0].name
        if data[1] is None:
            data = (data[0] if inputs is None else {inputs: data[0]},)
        else:
            data = (kml.data.labels_to_inputs(data, inputs=inputs),)
        hosted.compile(optimizer)
    return hosted, data, hosted.fit(*data, **fit).history


class Acceptance:
    """Puts a case through training, saving, reloading, stripping and serving.

    Args:
        host: `"model"` or `"layer"`.
        fresh_process: a process that only imports keras_multiloss.
        bare_process: a process that cannot import it.
        folder: where files go.
    """

    def __init__(
        self, host: str, fresh_process: FreshProcess, bare_process: FreshProcess, folder: Path
    ) -> None:
        self.host = host
        self.fresh_process = fresh_process
        self.bare_process = bare_process
        self.training_file = folder / "training.keras"
        self.serving_file = folder / "serving.keras"
        # With JAX, Keras layers cannot record metrics.
        self.logs_terms = host == "model" or BACKEND != "jax"

    def check(self, build, x, y, labels=None, *, uses=(), **fit):
        """The logs of the trained model by evaluation, for what else a case asserts.

        Args:
            build: gives a prediction model and its loss.
            x: inputs.
            y: labels by name.
            labels: as for `attach_losses`.
            uses: classes and functions of the user's own that `build` needs.
            **fit: as for `fit`; `compiled` for more arguments of `compile`.
        """
        check_is_short(build, *uses)
        model, loss = build()
        hosted, data, history = train(self.host, model, loss, (x, y), labels=labels, **fit)
        assert history["loss"][-1] < history["loss"][0]
        n_samples = len(next(iter(by_name(x).values())))
        logs = hosted.evaluate(*data, batch_size=n_samples, verbose=0, return_dict=True)
        check_adds_up(as_weighted_sum("check", loss), logs, logs_terms=self.logs_terms)
        logs = hosted.evaluate(*data, verbose=0, return_dict=True)
        hosted.save(self.training_file)
        assert self.fresh_process.evaluate(self.training_file, *data) == pytest.approx(logs, **SAME)
        self.check_serving(model, kml.strip_losses(hosted), x)
        return logs

    def check_parts(self, logs, term, *parts):
        """The parts of a term are logged, no others are, and they add up to it."""
        logged = {name for name in logs if name.startswith(f"{term}_")}
        if not self.logs_terms:
            assert not logged
            return
        assert logged == {f"{term}_loss", *(f"{term}_{part}_loss" for part in parts)}
        total = sum(logs[f"{term}_{part}_loss"] for part in parts)
        # Sums of float32 numbers in another order.
        assert total == pytest.approx(logs[f"{term}_loss"], rel=1e-5)

    def check_serving(self, model, stripped, x):
        """The stripped model predicts as the one that was built, also without the library."""
        expected = by_name(model.predict(x, verbose=0))
        stripped.save(self.serving_file)
        for served in (
            stripped.predict(x, verbose=0),
            self.bare_process.predict(self.serving_file, x),
        ):
            assert by_name(served).keys() == expected.keys()
            for name, output in by_name(served).items():
                np.testing.assert_allclose(output, expected[name], rtol=1e-6, atol=1e-7)


def check_is_short(*code) -> None:
    """The user's code is as short as is promised; what documents it does not count."""
    n_lines = sum(len(inspect.getsource(one).splitlines()) for one in code)
    assert n_lines + N_LINES_OF_TRAIN <= MAX_LINES


def check_adds_up(loss, logs, *, logs_terms: bool) -> None:
    """The logged terms of one step add up to its loss."""
    if not logs_terms:
        assert list(logs) == ["loss"]
        return
    weights = {n: logs.get(f"{n}_weight", loss[n].weight) for n in loss}
    total = sum(weight * logs[f"{name}_loss"] for name, weight in weights.items())
    # Sums of float32 numbers in another order.
    assert total == pytest.approx(logs["loss"], rel=1e-5)
