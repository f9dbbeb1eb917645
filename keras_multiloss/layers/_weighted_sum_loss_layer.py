"""`WeightedSumLossLayer`: the total loss inside a functional model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._container_checks import check_is_list
from keras_multiloss._messages import described, error
from keras_multiloss._platform import (
    KERAS_3,
    LayerWithMetrics,
    add_loss_of_replica,
    backend,
    can_record_metrics,
    not_converted,
    ops,
    symbols_like,
    with_mean_value,
)
from keras_multiloss._saving import serializable
from keras_multiloss.engine import (
    Layout,
    RunningMeans,
    TermMetric,
    TermWeights,
    TermWeightState,
    take_step,
)
from keras_multiloss.spec import Batch, MetricTerm, WeightedSumLoss, as_weighted_sum, by_name

if TYPE_CHECKING:
    from collections.abc import Sequence


@serializable
class WeightedSumLossLayer(LayerWithMetrics):
    r"""Adds a total loss to a model from inside its graph, and returns the outputs.

    The labels are inputs of the model. Where they are optional inputs (Keras 3) and fed
    `None`, the layer adds no loss, so that the training model can predict, too.
    `attach_losses` builds such a model from a prediction model, and `strip_losses` takes
    the layer and the label inputs away again.

    The loss is float32 also inside a mixed precision model. Keras itself divides it by the
    number of replicas. With JAX, Keras layers cannot record metrics: use
    `kml.callbacks.TermLogs` there.

    Args:
        loss: a `WeightedSumLoss` or a `LossTerm`.
        output_names: what the outputs are called where they are a list.
        metrics: `MetricTerm` objects, as for `MultiLossModel.compile`. Keras cannot record metrics
            in the call of a layer on JAX, nor on PyTorch under mixed precision.
        name: name of the layer.
        **kwargs: as for every Keras layer; the dtype is always float32.

    Shape:
        - outputs: a dict from names to tensors; a list, addressed by position or by
          `output_names`; or a tensor.
        - labels: a dict from names to tensors, given by keyword. A tensor is the only label.
        - sample_weight: one tensor for every term, or a dict by name, given by keyword.
        - inputs: a dict by name, given by keyword, for terms that read inputs of the model.
        - result: the outputs.

    Raises:
        ValueError: if a name matches nothing, or labels are missing in training.
        TypeError: if `loss` is neither a sum nor a term.

    Example:
        >>> import keras
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> x, label = keras.Input((3,), name="x"), keras.Input((1,), name="label")
        >>> age = keras.layers.Dense(1, kernel_initializer="zeros")(x)
        >>> loss = kml.LossTerm("mse", "age", "label")
        >>> outputs = kml.WeightedSumLossLayer(loss)({"age": age}, labels={"label": label})
        >>> model = keras.Model({"x": x, "label": label}, outputs)
        >>> model.compile("sgd")
        >>> data = {"x": np.ones((4, 3)), "label": np.full((4, 1), 2.0)}
        >>> model.evaluate(data, verbose=0, return_dict=True)["loss"]
        4.0
    """

    def __init__(
        self,
        loss: Any,
        *,
        output_names: Sequence[str] | None = None,
        metrics: Sequence[MetricTerm] = (),
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.update(dtype="float32", autocast=False)
        super().__init__(name=name, **kwargs)
        self.loss = as_weighted_sum("WeightedSumLossLayer", loss)
        self.output_names = None if output_names is None else list(output_names)
        self.supports_masking = True
        self._term_weights = TermWeightState(self.loss) if self.loss.is_moving else None
        sums = self.add_metric_sums("sums", Layout(self.loss).size)
        self.running_means = RunningMeans(
            self.loss, variable=lambda: sums, is_readable=backend() != "jax"
        )
        self.term_metrics = [TermMetric(term, "metrics") for term in self._checked(metrics)]
        self._has_log_weight = False
        self.built = True

    @not_converted
    def call(
        self,
        outputs: Any,
        labels: Any = None,
        sample_weight: Any = None,
        inputs: Any = None,
        training: bool | None = None,
    ) -> Any:
        if self._has_no_labels(labels):
            self._check_not_training(training)
            return outputs
        names = self.output_names
        batch = Batch.of(self.loss, labels, outputs, sample_weight, x=inputs, output_names=names)
        step = take_step(self.loss, batch, self._term_weights, training=bool(training))
        self.running_means.update_state(step, _logged_samples(outputs))
        for metric in self.term_metrics:
            metric.update_state(batch)
        add_loss_of_replica(self, with_mean_value(step.total))
        return outputs

    @property
    def term_weights(self) -> TermWeights:
        """The weight of each term by name; see `MultiLossModel.term_weights`."""
        return TermWeights(self.loss, self._term_weights)

    def _checked(self, metrics: Any) -> list[MetricTerm]:
        """The metrics as a list; raises where Keras would not record them."""
        terms = check_is_list("WeightedSumLossLayer", "metrics", metrics)
        for term in terms:
            if not isinstance(term, MetricTerm):
                raise error(
                    TypeError,
                    "WeightedSumLossLayer",
                    "one of `metrics` is not a MetricTerm",
                    expected="metrics that name their outputs, MetricTerm('mae', 'age')",
                    received=described(term),
                )
        if terms and not can_record_metrics():
            raise error(
                ValueError,
                "WeightedSumLossLayer",
                "Keras cannot record metrics in the call of a layer here",
                expected="TensorFlow, or PyTorch without mixed precision",
                received=f"the backend {backend()!r}",
                hint="MultiLossModel.compile(metrics=[...]) records them everywhere",
            )
        return terms

    def _has_no_labels(self, labels: Any) -> bool:
        return bool(self.loss.label_keys) and not by_name(labels, where="WeightedSumLossLayer")

    def _check_not_training(self, training: bool | None) -> None:
        if not training:
            return
        raise error(
            ValueError,
            f"WeightedSumLossLayer {self.name!r}",
            "the model is trained without labels",
            expected=f"labels {self.loss.label_keys} among the inputs of the model",
            received="no label",
            hint="this model reads labels as inputs: turn `(x, y)` data into such inputs with "
            "`kml.data.labels_to_inputs`",
        )

    if KERAS_3:

        def compute_output_spec(self, outputs: Any, **kwargs: Any) -> Any:
            """The spec of the outputs; tracing the loss finds what does not fit early on."""
            # JAX traces an unknown batch size as a symbol, which most losses cannot compute with.
            batch_size = 2 if backend() == "jax" else None
            traced, extra = symbols_like((outputs, kwargs), batch_size=batch_size)
            super().compute_output_spec(traced, **extra)
            return symbols_like(outputs)

    def get_config(self) -> dict[str, Any]:
        names = self.output_names  # a list that Keras has wrapped
        return {
            **super().get_config(),
            "loss": self.loss.get_config(),
            "output_names": None if names is None else list(names),
            "metrics": [metric.term.get_config() for metric in self.term_metrics],
            "moves_weights": self._term_weights is None or bool(self._term_weights.trainable),
            "has_log_weight": self._has_log_weight,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> WeightedSumLossLayer:
        config = dict(config)
        loss = WeightedSumLoss.from_config(config.pop("loss", None))
        metrics = [MetricTerm.from_config(term) for term in config.get("metrics", [])]
        kept = {k: v for k, v in config.items() if k in {"name", "trainable", "output_names"}}
        layer = cls(loss, metrics=metrics, **kept)
        if not config.get("moves_weights", True):
            layer.term_weights.trainable = False
        if config.get("has_log_weight", True):
            layer._add_log_weight()
        return layer

    def _add_log_weight(self) -> None:
        """Add the weight in which version 0.1 kept the log; its `.h5` files hold it."""
        n_moving = len(self.loss.moving_names)
        size = 1 + len(self.loss.names) + 2 * n_moving + int(self.loss.has_penalty)
        self.add_weight(name="sums", shape=(size,), initializer="zeros", trainable=False)
        self._has_log_weight = True

    def save_own_variables(self, store: Any) -> None:
        """Save nothing: files hold no running means."""

    def load_own_variables(self, store: Any) -> None:
        """Leave out the running means that files of version 0.1 hold."""


def _logged_samples(outputs: Any) -> Any:
    """What a batch counts for in the log: what it counts for in Keras's own `loss`.

    That is the number of its samples, but 1 on Keras 2 where only layers add losses.
    """
    return ops.shape(next(iter(by_name(outputs).values())))[0] if KERAS_3 else 1.0
