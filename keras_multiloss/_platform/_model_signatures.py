"""The methods of `keras.Model` that a host replaces, with the arguments that Keras gives them.

Keras 2 and Keras 3 differ in the arguments and in their order. Both are spelled out, so that
arguments work by position, and editors and type checkers know them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._platform._keras import KERAS_3, keras

if TYPE_CHECKING:
    from collections.abc import Callable

    _Model: Any = keras.Model
else:
    _Model = object

#: The arguments of `compile` that Keras does not have.
BALANCING = ("aggregator", "every_n_steps")


#: Where the methods of Keras and of its hosts here are defined.
LIBRARIES = ("keras", "tf_keras", __name__.split(".", maxsplit=1)[0])


class KerasSignatures(_Model):
    """`compile`, `fit` and `evaluate` as Keras declares them.

    Each hands its arguments by name to a method of a subclass, with the method of Keras to call.
    """

    def _compile(
        self, in_keras: Callable[..., None], arguments: dict[str, Any], balancing: dict[str, Any]
    ) -> None:
        raise NotImplementedError

    def _fit(self, in_keras: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        raise NotImplementedError

    def _evaluate(self, in_keras: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        raise NotImplementedError

    if TYPE_CHECKING or KERAS_3:

        def compile(
            self,
            optimizer: Any = "rmsprop",
            loss: Any = None,
            loss_weights: Any = None,
            metrics: Any = None,
            weighted_metrics: Any = None,
            run_eagerly: bool = False,
            steps_per_execution: int = 1,
            jit_compile: bool | str = "auto",
            auto_scale_loss: bool = True,
            *,
            aggregator: Any = None,
            every_n_steps: int = 1,
        ) -> None:
            """Compile with a `WeightedSumLoss`, a `LossTerm`, or any loss that Keras takes.

            Weights that change in training start anew, unless the model was compiled with the
            same object before, as in `model.compile(optimizer, loss=model.loss)`.

            Args:
                optimizer: as for `keras.Model.compile`.
                loss: the total loss.
                loss_weights: for losses of Keras only; a total loss has its weights in its terms.
                metrics: as for `keras.Model.compile`, by output name.
                weighted_metrics: as for `keras.Model.compile`, by output name.
                run_eagerly: as for `keras.Model.compile`.
                steps_per_execution: as for `keras.Model.compile`.
                jit_compile: as for `keras.Model.compile`.
                auto_scale_loss: as for `keras.Model.compile`.
                aggregator: a rule of `kml.aggregation`, or its name, that balances the gradients
                    of the parameters that more than one term reaches; the others, such as the
                    head of a term, keep the gradients of their term. The terms are the tasks,
                    with their weights. It costs one backward pass for each;
                    `kml.GradientBalancer` costs none.
                every_n_steps: how often the aggregator computes the weights of the task gradients,
                    1 or more: at step 0, at step `every_n_steps`, and so on. The steps in between
                    use the same weights, and one backward pass. Only for rules that are a function
                    of the Gramian.

            Raises:
                ValueError: if a term names an output that the model does not have, gradients
                    would be balanced twice, `loss_weights` come with a total loss, or the
                    aggregator has no weights that it could use for more than one step.
                TypeError: for a part of a total loss in place of it, or an `aggregator` without
                    a total loss.
            """
            self._compile(super().compile, *_split_arguments(locals()))

        def fit(
            self,
            x: Any = None,
            y: Any = None,
            batch_size: int | None = None,
            epochs: int = 1,
            verbose: int | str = "auto",
            callbacks: Any = None,
            validation_split: float = 0.0,
            validation_data: Any = None,
            shuffle: bool = True,
            class_weight: Any = None,
            sample_weight: Any = None,
            initial_epoch: int = 0,
            steps_per_epoch: int | None = None,
            validation_steps: int | None = None,
            validation_batch_size: int | None = None,
            validation_freq: int = 1,
        ) -> keras.callbacks.History:
            """Train as `keras.Model.fit` does; sample weights go by output or term."""
            return self._fit(super().fit, _keras_arguments(locals()))

        def evaluate(
            self,
            x: Any = None,
            y: Any = None,
            batch_size: int | None = None,
            verbose: int | str = "auto",
            sample_weight: Any = None,
            steps: int | None = None,
            callbacks: Any = None,
            return_dict: bool = False,
            **kwargs: Any,
        ) -> Any:
            """Evaluate as `keras.Model.evaluate` does; sample weights go by output or term."""
            return self._evaluate(super().evaluate, _keras_arguments(locals()))

    else:

        def compile(
            self,
            optimizer="rmsprop",
            loss=None,
            metrics=None,
            loss_weights=None,
            weighted_metrics=None,
            run_eagerly=None,
            steps_per_execution=None,
            jit_compile=None,
            pss_evaluation_shards=0,
            *,
            aggregator=None,
            every_n_steps=1,
            **kwargs,
        ):
            """Compile with a total loss; see the signature of Keras 3."""
            self._compile(super().compile, *_split_arguments(locals()))

        def fit(
            self,
            x=None,
            y=None,
            batch_size=None,
            epochs=1,
            verbose="auto",
            callbacks=None,
            validation_split=0.0,
            validation_data=None,
            shuffle=True,
            class_weight=None,
            sample_weight=None,
            initial_epoch=0,
            steps_per_epoch=None,
            validation_steps=None,
            validation_batch_size=None,
            validation_freq=1,
            max_queue_size=10,
            workers=1,
            use_multiprocessing=False,
        ):
            """Train as `keras.Model.fit` does; sample weights go by output or term."""
            return self._fit(super().fit, _keras_arguments(locals()))

        def evaluate(
            self,
            x=None,
            y=None,
            batch_size=None,
            verbose="auto",
            sample_weight=None,
            steps=None,
            callbacks=None,
            max_queue_size=10,
            workers=1,
            use_multiprocessing=False,
            return_dict=False,
            **kwargs,
        ):
            """Evaluate as `keras.Model.evaluate` does; sample weights go by output or term."""
            return self._evaluate(super().evaluate, _keras_arguments(locals()))


def _keras_arguments(local_variables: dict[str, Any]) -> dict[str, Any]:
    """The arguments of Keras among the local variables of a method that has no others yet."""
    ours = ("self", *BALANCING, "kwargs", "__class__")
    arguments = {name: value for name, value in local_variables.items() if name not in ours}
    return {**arguments, **local_variables.get("kwargs", {})}


def _split_arguments(
    local_variables: dict[str, Any],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arguments of Keras, and those of `BALANCING`."""
    own = {name: local_variables[name] for name in BALANCING}
    return _keras_arguments(local_variables), own


def has_own_method(model: Any, *names: str) -> bool:
    """Whether a class of a user's own replaces a method of Keras, or of this library."""
    owners = [next(c for c in type(model).__mro__ if name in vars(c)) for name in names]
    return any(owner.__module__.split(".")[0] not in LIBRARIES for owner in owners)
