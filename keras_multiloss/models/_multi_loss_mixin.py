"""What makes a Keras model a host of a total loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._messages import error
from keras_multiloss._platform import (
    KERAS_3,
    KerasSignatures,
    forget_compiled,
    has_own_method,
    is_outside_of_scope,
    keras,
    metric_names_in_order,
    scale_for_distribution,
    with_callback_list,
)
from keras_multiloss.engine import TaskGramian, TermWeights, take_step
from keras_multiloss.models._aggregator_argument import (
    aggregator_config,
    aggregator_from_config,
    aggregator_state,
    check_has_no_aggregator,
)
from keras_multiloss.models._compiled_loss import CompiledLoss
from keras_multiloss.models._data_checks import (
    check_can_train,
    check_weighs_one_label,
    checked_arguments,
)
from keras_multiloss.models._metric_labels import by_path, update_metrics
from keras_multiloss.models._metric_terms import (
    METRICS,
    check_has_no_metric_terms,
    checked_term_metrics,
    metric_terms_config,
    metric_terms_from_config,
    with_metric_terms,
    without_metric_terms,
)
from keras_multiloss.models._packed_labels import unpacked, with_packed_labels
from keras_multiloss.models._state_holder import AGGREGATOR, TERM_WEIGHTS
from keras_multiloss.models._structure import (
    TensorNames,
    check_is_no_h5,
    check_is_no_part,
    check_tensors_exist,
)
from keras_multiloss.models._tapped_model import TappedModel, without_taps
from keras_multiloss.spec import LossTerm, WeightedSumLoss, as_weighted_sum, log_names

if TYPE_CHECKING:
    from collections.abc import Callable

#: Where the compile config says whether the weights change in training, or are frozen.
MOVES = "moves_weights"


class MultiLossMixin(KerasSignatures, TappedModel):
    """Lets a subclassed Keras model be compiled with a `WeightedSumLoss`.

    Put it before `keras.Model` among the bases. `call` returns a dict of outputs by name
    (or a list, addressed by position). For a functional model use `MultiLossModel`; `compile`,
    `fit` and `evaluate` are the same.

    Raises:
        ValueError: as for `MultiLossModel`; outputs are known, and checked, when a batch is seen.
        TypeError: by `compile`, for a part of a total loss in place of it.

    Example:
        >>> import keras
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> class Net(kml.models.MultiLossMixin, keras.Model):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.age = keras.layers.Dense(1, kernel_initializer="zeros")
        ...     def call(self, x):
        ...         return {"age": self.age(x)}
        >>> model = Net()
        >>> model.compile("sgd", loss=kml.LossTerm("mse", "age"))
        >>> logs = model.evaluate(np.ones((4, 3)), {"age": np.ones((4, 1))}, verbose=0,
        ...                       return_dict=True)
        >>> logs == {"loss": 1.0, "age_loss": 1.0}
        True
    """

    _compiled_loss: CompiledLoss | None = None
    _is_testing = False

    def _compile(
        self, in_keras: Callable[..., None], arguments: dict[str, Any], balancing: dict[str, Any]
    ) -> None:
        loss = arguments["loss"]
        check_is_no_part(loss, self)
        if not isinstance(loss, (WeightedSumLoss, LossTerm)):
            check_has_no_aggregator(balancing, loss)
            check_has_no_metric_terms(arguments)
            self._compiled_loss = None
            self._set_state(TERM_WEIGHTS, None)
            self._set_state(AGGREGATOR, None)
            in_keras(**arguments)
            return
        spec = as_weighted_sum("MultiLossModel.compile", loss)
        if arguments["loss_weights"] is not None:
            raise error(
                ValueError,
                "MultiLossModel.compile",
                "`loss_weights` does not apply to a WeightedSumLoss",
                expected="the weights in the terms, LossTerm(..., weight=0.5)",
                received=f"loss_weights={arguments['loss_weights']!r}",
            )
        check_tensors_exist("MultiLossModel.compile", spec.tasks.terms, self)
        split = {kind: without_metric_terms(arguments[kind]) for kind in METRICS}
        terms = checked_term_metrics([own for _, own in split.values()], log_names(spec))
        check_tensors_exist("MultiLossModel.compile", {m.name: m.term for m in terms}, self)
        metrics = {kind: by_path(others) for kind, (others, _) in split.items()}
        arguments = {**arguments, **metrics}
        forget_compiled(self)
        in_keras(**{**arguments, "loss": None})
        self._compiled_loss = CompiledLoss(spec, TensorNames.of(self), [*metrics.values()], terms)
        self._set_state(TERM_WEIGHTS, self._term_weights_for(spec))
        state = aggregator_state(self, spec, self.aggregator_state(), **balancing)
        self._set_state(AGGREGATOR, state)
        self.loss = spec

    @property
    def metrics(self) -> list[Any]:
        """The metrics of Keras and, behind them, the running means of the terms."""
        if self._compiled_loss is None:
            return super().metrics
        return [*super().metrics, *self._compiled_loss.trackers]

    def _fit(self, in_keras: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        if self._compiled_loss is None:
            return in_keras(**arguments)
        check_can_train(self)
        check_weighs_one_label(arguments)
        return in_keras(**self._for_keras("MultiLossModel.fit", arguments))

    def _evaluate(self, in_keras: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        if self._compiled_loss is None:
            return in_keras(**arguments)
        return in_keras(**self._for_keras("MultiLossModel.evaluate", arguments))

    def _for_keras(self, where: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments of `fit` or `evaluate`, checked, with weights as Keras lets them pass."""
        arguments = checked_arguments(where, self, self.checked_total_loss("fit"), arguments)
        joins = not has_own_method(self, "train_step", "test_step", "compute_metrics")
        arguments = with_packed_labels(where, arguments, joins=joins)
        packs = self._packed_metric is not None
        return with_callback_list(self, arguments) if packs else arguments

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool | None = None,
    ) -> Any:
        """The total loss and whatever layers added, scaled for distribution as Keras does."""
        compiled = self._compiled_loss
        if compiled is None:
            extra = {"training": training} if KERAS_3 and training is not None else {}
            return super().compute_loss(x, y, without_taps(y_pred)[0], sample_weight, **extra)
        y, sample_weight = unpacked(y, sample_weight)
        y_pred, taps = without_taps(y_pred)
        training = not self._is_testing if training is None else bool(training)
        batch = compiled.batch(x, y, y_pred, sample_weight, taps)
        state, added = self.term_weight_state(), self.losses
        is_lost = is_outside_of_scope(y_pred)
        if is_lost and state is not None:
            raise self._moves_in_own_step()
        separate = training and self._balances
        step = take_step(
            compiled.loss, batch, state, training=training, added=added, separate=separate
        )
        if not is_lost:
            compiled.log(step, y_pred if x is None else x)
        total = scale_for_distribution(step.total)
        return self._with_balanced_gradients(step, total) if training else total

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Update the compiled metrics, over what counts for the terms of their outputs."""
        compiled = self._compiled_loss
        if compiled is None:
            return super().compute_metrics(x, y, without_taps(y_pred)[0], sample_weight)
        if any(compiled.metrics) or compiled.metric_terms:
            y, sample_weight = unpacked(y, sample_weight)
            y_pred, taps = without_taps(y_pred)
            batch = compiled.batch(x, y, y_pred, sample_weight, taps)
            update_metrics(self, compiled, batch, y_pred)
        return self.get_metrics_result()

    @property
    def metrics_names(self) -> list[str]:
        """What `evaluate` returns in a list, by name."""
        if self._compiled_loss is None:
            return super().metrics_names
        return metric_names_in_order(self, self.get_metrics_result())

    @property
    def has_total_loss(self) -> bool:
        """Whether the model is compiled with a `WeightedSumLoss`."""
        return self._compiled_loss is not None

    @property
    def term_weights(self) -> TermWeights:
        """The current weight of each term, by name, as in `model.term_weights["kl"]`.

        With `WeightedSumLoss(terms, weighting="static")`, numbers can be assigned, also from a
        callback during `fit`. Each multiplies the weight of its term;
        `model.term_weights["kl"] = 0.0` switches a term off.

        Raises:
            ValueError: if the model is not compiled with a total loss.
        """
        return TermWeights(self.checked_total_loss("term_weights").loss, self.term_weight_state())

    def task_gramian(self, x: Any, y: Any, sample_weight: Any = None) -> Any:
        r"""The inner products of the task gradients on a batch, which tell where they conflict.

        Args:
            x: inputs.
            y: labels by name.
            sample_weight: one array, or a dict by name.

        Returns:
            An array `(T, T)` in the order of the terms: $\langle g_s, g_t \rangle$ for the
            gradients of the weighted terms with respect to all parameters that several terms
            share, in inference mode.

        Raises:
            ValueError: if the model is not compiled with a total loss.
        """
        self.checked_total_loss("task_gramian")
        return TaskGramian(self)(x, y, sample_weight)

    def save(self, filepath: Any, *args: Any, **kwargs: Any) -> Any:
        """Keras's own; with a total loss, only to `.keras` on Keras 3."""
        if KERAS_3 and self._compiled_loss is not None:
            check_is_no_h5(filepath)
        return super().save(filepath, *args, **kwargs)

    def get_compile_config(self) -> dict[str, Any]:
        config = super().get_compile_config()
        if self._compiled_loss is not None and config:
            config["loss"] = keras.saving.serialize_keras_object(self._compiled_loss.loss)
            weights, balancing = self.term_weight_state(), self.aggregator_state()
            config |= metric_terms_config(self._compiled_loss.metric_terms)
            if weights is not None:
                config[MOVES] = bool(weights.trainable)
            if balancing is not None:
                config |= aggregator_config(balancing)
        return config

    def compile_from_config(self, config: dict[str, Any]) -> None:
        config = dict(config)
        moves = config.pop(MOVES, True)
        balanced = aggregator_from_config(config)
        terms = metric_terms_from_config(config)
        arguments = keras.saving.deserialize_keras_object(config)
        for kind in METRICS:
            arguments[kind] = with_metric_terms(arguments.get(kind), terms[kind])
        self.compile(**arguments, **balanced)
        weights, balancing = self.term_weight_state(), self.aggregator_state()
        if weights is not None:
            weights.trainable = moves
        for state in (weights, balancing):
            if state is not None:
                state.is_expected_in_file = True
        if self.optimizer is not None and self.built:
            self.optimizer.build(self.trainable_variables)

    if not KERAS_3:

        def test_step(self, data: Any) -> Any:
            """Keras 2 does not tell `compute_loss` whether it trains."""
            self._is_testing = True
            try:
                return super().test_step(data)
            finally:
                self._is_testing = False

        def get_config(self) -> dict[str, Any]:
            """Without the state layers, which `compile` makes anew."""
            config = super().get_config()
            states = [self.term_weight_state(), self.aggregator_state()]
            names = {state.name for state in states if state is not None}
            if "layers" in config:
                config["layers"] = [x for x in config["layers"] if x["name"] not in names]
            return config
