"""What makes a Keras model a host of a total loss."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import error
from keras_multiloss._keras import (
    KERAS_3,
    keras,
    ops,
    scale_for_distribution,
    set_state_layer,
)
from keras_multiloss._serialization import deserialize, serialize
from keras_multiloss._terms import LossTerm
from keras_multiloss.layers._state import TermWeights
from keras_multiloss.layers._view import TermWeightsView
from keras_multiloss.losses import WeightedSumLoss, as_weighted_sum
from keras_multiloss.models._balanced_step import BalancedStep
from keras_multiloss.models._balancing import check_has_no_aggregator, state_for
from keras_multiloss.models._compiled import CompiledLoss
from keras_multiloss.models._gramian import TaskGramian
from keras_multiloss.models._metrics import labels_for_metrics
from keras_multiloss.models._packing import pack, unpack
from keras_multiloss.models._structure import check_is_no_part, check_outputs_exist, output_names

#: Where the compile config says whether the weights move, or are frozen.
MOVES = "moves_weights"


class MultiLossMixin(BalancedStep):
    """Lets a subclassed Keras model be compiled with a `WeightedSumLoss`.

    Put it before `keras.Model` among the bases. `call` returns a dict of outputs by name
    (or a list, addressed by position). Functional models use `MultiLossModel`.

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

    _is_testing = False

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        *args: Any,
        aggregator: Any = None,
        **kwargs: Any,
    ) -> None:
        """Compile with a `WeightedSumLoss`, a `LossTerm`, or any loss that Keras takes.

        Weights that move start anew, unless the model was compiled with the same object before,
        as in `model.compile(optimizer, loss=model.loss)`.

        Args:
            optimizer: as for `keras.Model.compile`.
            loss: the total loss.
            *args: as for `keras.Model.compile`.
            aggregator: a rule of `kml.aggregation`, or its name, that balances the gradients of
                the parameters that more than one term reaches. The terms are the tasks, with
                their weights. It costs a backward pass for each; `kml.GradientBalancer`
                costs none.
            **kwargs: as for `keras.Model.compile`; `loss_weights` goes into the terms.

        Raises:
            ValueError: if a term names an output that the model does not have, or gradients
                would be balanced twice.
        """
        check_is_no_part(loss, output_names(self))
        if not isinstance(loss, (WeightedSumLoss, LossTerm)):
            check_has_no_aggregator(aggregator, loss)
            self._multi_loss = None
            self._set_state("_term_weights", None)
            self._set_state("_aggregator_state", None)
            super().compile(optimizer, loss, *args, **kwargs)
            return
        spec = as_weighted_sum("MultiLossModel.compile", loss)
        if kwargs.get("loss_weights") is not None:
            raise error(
                ValueError,
                "MultiLossModel.compile",
                "`loss_weights` does not apply to a WeightedSumLoss",
                expected="the weights in the terms, LossTerm(..., weight=0.5)",
                received=f"loss_weights={kwargs['loss_weights']!r}",
            )
        names = output_names(self)
        check_outputs_exist("MultiLossModel.compile", spec, self, names)
        super().compile(optimizer, None, *args, **kwargs)
        metrics = [kwargs.get("metrics"), kwargs.get("weighted_metrics")]
        self._multi_loss = CompiledLoss(spec, names, metrics)
        self._set_state("_term_weights", self._term_weights_for(spec))
        self._set_state("_aggregator_state", state_for(self, aggregator, spec))
        self.loss = spec

    def _term_weights_for(self, spec: WeightedSumLoss) -> TermWeights | None:
        """What moves the weights of a sum; the same sum keeps what it has learned."""
        state = self._weight_state
        if state is not None and state.loss is spec:
            return state
        if not spec.is_moving:
            return None
        state = TermWeights(spec)
        state.trainable = bool(self.trainable)
        return state

    def _set_state(self, name: str, layer: Any) -> None:
        if layer is not None or getattr(self, name, None) is not None:
            set_state_layer(self, name, layer)

    @property
    def _weight_state(self) -> TermWeights | None:
        """What moves the weights; on torch a layer is not found behind a class attribute."""
        return getattr(self, "_term_weights", None)

    @property
    def metrics(self) -> list[Any]:
        """The metrics of Keras and, behind them, the running means of the terms."""
        if self._multi_loss is None:
            return super().metrics
        return [*super().metrics, *self._multi_loss.trackers]

    def fit(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Train as `keras.Model.fit` does; sample weights go by output or term."""
        self._check_has_optimizer()
        return super().fit(x, self._packed("fit", y, kwargs), *args, **kwargs)

    def evaluate(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Evaluate as `keras.Model.evaluate` does; sample weights go by output or term."""
        return super().evaluate(x, self._packed("evaluate", y, kwargs), *args, **kwargs)

    def _packed(self, method: str, y: Any, kwargs: dict[str, Any]) -> Any:
        """The labels to hand to Keras; the sample weights of `kwargs` go into them."""
        if self._multi_loss is None:
            return y
        where = f"MultiLossModel.{method}"
        validation = kwargs.get("validation_data")
        if isinstance(validation, (list, tuple)) and len(validation) == 3:
            val_x, val_y, val_weight = validation
            kwargs["validation_data"] = (val_x, pack(where, val_y, val_weight))
        if y is None or kwargs.get("sample_weight") is None:
            return y
        return pack(where, y, kwargs.pop("sample_weight"))

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool | None = None,
    ) -> Any:
        """The total loss and whatever layers added, scaled for distribution as Keras does."""
        compiled = self._multi_loss
        if compiled is None:
            extra = {"training": training} if KERAS_3 and training is not None else {}
            return super().compute_loss(x, y, y_pred, sample_weight, **extra)
        y, sample_weight = unpack(y, sample_weight)
        training = not self._is_testing if training is None else bool(training)
        compiled.parts = compiled.parts_of_loss(
            y,
            y_pred,
            sample_weight,
            state=self._weight_state,
            training=training,
            added=self.losses,
            n_samples=_batch_size(y_pred if x is None else x),
        )
        total = scale_for_distribution(compiled.parts.total)
        return self._with_balanced_gradients(total) if training else total

    @property
    def has_total_loss(self) -> bool:
        """Whether the model is compiled with a `WeightedSumLoss`."""
        return self._multi_loss is not None

    @property
    def term_weights(self) -> TermWeightsView:
        """The weight of each term as it acts now, by name, as in `model.term_weights["kl"]`.

        With `WeightedSumLoss(terms, weighting="static")` weights can be assigned, also from a
        callback inside a running `fit`; `model.term_weights["kl"] = 0.0` switches a term off.

        Raises:
            ValueError: if the model is not compiled with a total loss.
        """
        return TermWeightsView(self._compiled("term_weights").loss, self._weight_state)

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
        self._compiled("task_gramian")
        return TaskGramian(self)(x, y, sample_weight)

    def _compiled(self, attribute: str) -> CompiledLoss:
        """The total loss that the model was compiled with, which an attribute needs."""
        if self._multi_loss is None:
            raise error(
                ValueError,
                f"MultiLossModel.{attribute}",
                "the model has no total loss",
                expected="a model that is compiled with a WeightedSumLoss",
                received=f"loss={getattr(self, 'loss', None)!r}",
            )
        return self._multi_loss

    def _check_has_optimizer(self) -> None:
        if self._multi_loss is not None and self.optimizer is None:
            raise error(
                ValueError,
                "MultiLossModel.fit",
                "the model has no optimizer to train with",
                expected="an optimizer, compile(optimizer='adam', ...)",
                received="optimizer=None",
            )

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Update the compiled metrics, each with the label of its output's name."""
        compiled = self._multi_loss
        y, sample_weight = unpack(y, sample_weight)
        if compiled is not None:
            if not any(compiled.metrics):
                # Keras 2 pairs labels and outputs also where there is nothing to measure.
                return self.get_metrics_result()
            y, sample_weight = labels_for_metrics(
                compiled.metrics, compiled.loss, compiled.output_names, y, y_pred, sample_weight
            )
        return super().compute_metrics(x, y, y_pred, sample_weight)

    def get_compile_config(self) -> dict[str, Any]:
        config = super().get_compile_config()
        if self._multi_loss is not None and config:
            config["loss"] = keras.saving.serialize_keras_object(self._multi_loss.loss)
            if self._weight_state is not None:
                config[MOVES] = bool(self._weight_state.trainable)
            if self._balance_state is not None:
                config["aggregator"] = serialize(self._balance_state.aggregator)
        return config

    def compile_from_config(self, config: dict[str, Any]) -> None:
        config = dict(config)
        moves = config.pop(MOVES, True)
        rule = deserialize("MultiLossModel: `aggregator`", config.pop("aggregator", None), None)
        self.compile(**keras.saving.deserialize_keras_object(config), aggregator=rule)
        if self._weight_state is not None:
            self._weight_state.trainable = moves
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
            states = [self._weight_state, self._balance_state]
            names = {state.name for state in states if state is not None}
            if "layers" in config:
                config["layers"] = [x for x in config["layers"] if x["name"] not in names]
            return config


def _batch_size(x: Any) -> Any:
    while isinstance(x, (dict, list, tuple)):
        entries = x.values() if isinstance(x, dict) else x
        x = next(entry for entry in entries if entry is not None)
    return ops.shape(x)[0]
