"""`ConflictMonitor`: how far the tasks of a model disagree while it trains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_multiloss._checks import check_count
from keras_multiloss._messages import error
from keras_multiloss._optional_packages import check_installed
from keras_multiloss._platform import keras, ops
from keras_multiloss.callbacks import _conflict_arguments as arguments
from keras_multiloss.callbacks import _conflict_picture as picture
from keras_multiloss.callbacks import _conflict_report as report
from keras_multiloss.callbacks._conflicts import (
    conflict_rate,
    cosines_of,
    mean_logs,
    mean_of_known,
    norms_of,
    scalars,
)
from keras_multiloss.callbacks._tensorboard import SummaryWriter
from keras_multiloss.engine import TaskGramian

if TYPE_CHECKING:
    from pathlib import Path

    from keras_multiloss.aggregation import Aggregator


class ConflictMonitor(keras.callbacks.Callback):
    r"""Measures, while a model trains, where the gradients of its tasks conflict.

    $$\cos_{st} = \frac{\langle g_s, g_t \rangle}{\lVert g_s \rVert \lVert g_t \rVert},\quad
    \text{conflict rate} = \frac{|\{s < t : \cos_{st} < 0\}|}{T (T - 1) / 2}$$

    for the gradients $g_1, \dots, g_T$ of the weighted terms with respect to all parameters
    that several terms share, as in `MultiLossModel.task_gramian`. They are measured on one batch
    of data, in inference mode, when training begins and after every n-th step; a measurement
    costs about $T$ training steps. Training goes on as it would without the callback, bit for bit.

    The logs of each epoch get the means of its measurements: `cosine/<task>,<task>` for each
    pair, `gradient_norm/<task>`, `conflict_rate` and, with a rule, `gradient_weight/<task>`. They
    are NaN in epochs without a measurement, as are the cosines of a gradient that is 0. With
    `log_dir` the same numbers of each measurement go to TensorBoard, with a heat map of the
    cosines.

    Args:
        data: `(x, y)` or `(x, y, sample_weight)`, the batch to measure on. Gradients of a
            few samples are mostly noise; a few hundred representative ones are better.
        every_n_steps: training steps between two measurements, 1 or more.
        aggregator: a rule of `kml.aggregation`, or its name, whose weights are logged; it must be
            a function of the Gramian, without state. By default that of the model, if it
            has one of this kind.
        log_dir: folder for TensorBoard's files; needs TensorFlow and Matplotlib.

    Attributes:
        names: the names of the tasks, in the order of all arrays.
        steps: the number of training steps before each measurement, counted by the optimizer.
        gramians: the Gramian `(T, T)` of each measurement.

    Raises:
        TypeError: if `data` is not a batch, the rule needs more than the Gramian, or, when training
            begins, the model has no total loss.
        ValueError: when training begins, if there is only one task; if `every_n_steps` is below 1.
        ImportError: if a package that `log_dir` needs is missing.

    Example:
        >>> import keras
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> x = keras.Input((2,))
        >>> y = keras.layers.Dense(1, kernel_initializer="zeros")(x)
        >>> model = kml.MultiLossModel(x, {"low": y, "high": y})
        >>> model.compile("sgd", loss=kml.LossTerm("mse", "low") + kml.LossTerm("mse", "high"))
        >>> data = np.ones((4, 2)), {"low": -np.ones((4, 1)), "high": np.ones((4, 1))}
        >>> monitor = kml.callbacks.ConflictMonitor(data, every_n_steps=1)
        >>> history = model.fit(*data, verbose=0, callbacks=[monitor]).history
        >>> [round(cosine, 3) for cosine in history["cosine/low,high"]]
        [-1.0]

    References:
        Yu, Kumar, Gupta, Levine, Hausman and Finn, "Gradient surgery for multi-task learning",
        NeurIPS 2020 (conflict as a negative cosine).
        Kurin, De Palma, Kostrikov, Whiteson and Kumar, "In defense of the unitary scalarization
        for deep multi-task learning", NeurIPS 2022 (tuned weights as good as balanced gradients).
    """

    def __init__(
        self,
        data: Any,
        *,
        every_n_steps: int = 100,
        aggregator: Aggregator | str | None = None,
        log_dir: str | Path | None = None,
    ) -> None:
        super().__init__()
        self.data = arguments.checked_data(data)
        self.every_n_steps = check_count("ConflictMonitor", "every_n_steps", every_n_steps)
        self.aggregator = arguments.rule_of_gramian(aggregator)
        self.log_dir = log_dir
        if log_dir is not None:
            problem = "`log_dir` needs packages that are not installed"
            check_installed("ConflictMonitor", problem, "tensorflow", "matplotlib")
        self._start([], None)

    def _start(self, names: list[str], rule: Aggregator | None) -> None:
        self.names = names
        self.steps: list[int] = []
        self.gramians: list[Any] = []
        self._weights: list[Any] = []
        self._of_epoch: list[dict[str, float]] = []
        self._rule = rule
        self._writer: SummaryWriter | None = None

    @property
    def cosines(self) -> Any:
        """The cosines between the gradients of each measurement, `(M, T, T)`; NaN for 0."""
        return cosines_of(self._measured())

    @property
    def norms(self) -> Any:
        """The lengths of the gradients of each measurement, `(M, T)`."""
        return norms_of(self._measured())

    @property
    def conflict_rate(self) -> float:
        """The share of pairs in conflict, the mean of all measurements."""
        return float(mean_of_known(conflict_rate(self.cosines)))

    @property
    def weights(self) -> Any:
        """The rule's weights of the gradients in each measurement, `(M, T)`; `None` without one."""
        return np.stack(self._weights) if self._weights else None

    def summary(self) -> str:
        """Says whether plain weights are enough, with the numbers that it goes by.

        If the longest gradient is over ten times the shortest, losses need one scale first. If the
        cosine of some pair is below -0.1 in more than one measurement in twenty, balancing may
        help. Otherwise plain weights are enough. These are rules of thumb, not theorems: they say
        what to try next, and only a comparison by your own metrics says whether it helped.

        Raises:
            ValueError: if nothing has been measured yet.
        """
        return report.summary(self.names, self._measured())

    def plot(self, path: str | Path | None = None) -> Any:
        """Draw the mean cosines and the course of all that was measured (needs Matplotlib).

        Args:
            path: file to save the picture to; its extension says the format.

        Returns:
            The Matplotlib figure.

        Raises:
            ImportError: if Matplotlib is not installed.
            ValueError: if nothing has been measured yet.
        """
        check_installed("ConflictMonitor.plot", "a picture needs Matplotlib", "matplotlib")
        figure = picture.overview(self.names, self.steps, self._measured())
        if path is not None:
            figure.savefig(path)
        return figure

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002 (of Keras)
        model = self.model
        names = arguments.names_of_tasks(model)
        self._start(names, self.aggregator or arguments.rule_of(model))
        self._gramian = TaskGramian(model)
        self._step = self._before_epoch = self._steps_taken()
        if self.log_dir is not None:
            self._writer = SummaryWriter(self.log_dir)
        if model.built:  # a subclassed model of Keras 2 is built by its first step
            self._measure()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002 (of Keras)
        self._before_epoch = self._steps_taken()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002 (of Keras)
        # With `steps_per_execution` there are several steps in one call.
        step = self._before_epoch + batch + 1
        is_turn = step // self.every_n_steps > self._step // self.every_n_steps
        self._step = step
        if is_turn:
            self._measure()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002 (of Keras)
        if logs is not None:
            logs.update(mean_logs(self._of_epoch or [self._unknown()]))
        self._of_epoch = []

    def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002 (of Keras)
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _steps_taken(self) -> int:
        return int(ops.convert_to_numpy(self.model.optimizer.iterations))

    def _measure(self) -> None:
        # On JAX the variables of a model are empty in training until a callback asks for it.
        self._gramian.model = self.model
        gramian = self._gramian(*self.data)
        weights = None
        if self._rule is not None:
            state = {"step": ops.convert_to_tensor(self._step, "int32")}
            weights = ops.convert_to_numpy(self._rule.weights(gramian, state))
            self._weights.append(weights)
        self.steps.append(self._step)
        self.gramians.append(gramian)
        self._of_epoch.append(scalars(self.names, gramian, weights))
        if self._writer is not None:
            self._write(self._writer)

    def _write(self, writer: SummaryWriter) -> None:
        """The last measurement, for TensorBoard."""
        writer.write_scalars(self._of_epoch[-1], self._step)
        heat_map = picture.heat_map(self.names, self.gramians[-1], f"Cosine, step {self._step}")
        writer.write_image("cosines", *picture.png_of(heat_map), self._step)
        writer.flush()

    def _unknown(self) -> dict[str, float]:
        """The log of no measurement."""
        unknown = np.full((len(self.names), len(self.names)), np.nan)
        return scalars(self.names, unknown, None if self._rule is None else unknown[0])

    def _measured(self) -> Any:
        """The Gramians of all measurements, `(M, T, T)`."""
        if not self.gramians:
            raise error(
                ValueError,
                "ConflictMonitor",
                "nothing has been measured yet",
                expected="a monitor that was among the callbacks of a `fit`",
                received="no measurement",
            )
        return np.stack(self.gramians)
