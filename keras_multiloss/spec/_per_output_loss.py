"""One loss object that treats each output in its own way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._checks import check_key
from keras_multiloss._messages import described, error, unknown_name
from keras_multiloss._platform import seen_as_tuple_of
from keras_multiloss._saving import serializable
from keras_multiloss.spec._by_name import key_name
from keras_multiloss.spec._loss_term import LossTerm
from keras_multiloss.spec._weighted_sum_loss import WeightedSumLoss

if TYPE_CHECKING:
    from keras_multiloss.spec._by_name import Key

WHERE = "PerOutputLoss"


def _as_sum(loss: PerOutputLoss) -> WeightedSumLoss:
    return WeightedSumLoss(loss.terms, name=loss.name)


@seen_as_tuple_of(_as_sum)
@serializable
class PerOutputLoss(WeightedSumLoss):
    r"""A loss of its own for each output, in one object for `compile(loss=...)`.

    $$L = \sum_o w_o \, \ell_o(y_o, \hat y_o)$$

    It is a `WeightedSumLoss` of one term per output, each named after its output, and goes
    wherever that goes. In addition, a plain `keras.Model` takes it:

    - `keras.Model.compile(loss=...)` of Keras 3, for a model whose outputs are a dict (or a
      list, addressed by position). Keras 3 wants a label for every output, in a dict of the
      same names, and logs `loss` only.
    - `MultiLossModel.compile(loss=...)` on every Keras, for dicts and for lists by name; it
      logs each term. So do `WeightedSumLossLayer` and `attach_losses`.

    Keras 2 shows a loss object one output at a time and does not say which: a plain
    `keras.Model` of Keras 2 raises in `fit` and names `MultiLossModel.from_model(model)`.

    Args:
        losses: a dict from the names of two or more outputs to losses: Keras losses, their
            names, registered functions, or losses of `kml.losses` of one output (`MaskedLoss`
            where labels are missing). Each sees the label of its output's name. What cannot be
            restored from a file is refused here.
        weights: a dict from names of outputs to numbers; an output without one has weight 1.
            Schedules need a host that counts steps, `MultiLossModel` or the layer.
        name: name of the loss.

    Shape:
        - y_true: a dict from names of outputs to labels.
        - y_pred: a dict from names to outputs.
        - sample_weight: one tensor for every output, or a dict in which names may be missing.
        - result: a float32 scalar.

    Raises:
        ValueError: for fewer than two outputs, a weight of an output without a loss, or a loss
            that no file could restore. When it is called: if an output is not in `y_pred`.
        TypeError: for an argument of the wrong type.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> loss = kml.losses.PerOutputLoss({"age": "mse", "height": "mae"}, weights={"age": 0.5})
        >>> labels = {"age": np.zeros((2, 1)), "height": np.zeros((2, 1))}
        >>> outputs = {"age": np.full((2, 1), 2.0), "height": np.full((2, 1), 4.0)}
        >>> float(loss(labels, outputs))
        6.0
    """

    def __init__(
        self,
        losses: dict[Key, Any],
        *,
        weights: dict[Key, Any] | None = None,
        name: str = "per_output_loss",
    ) -> None:
        losses = _check_losses(losses)
        weights = _check_weights(weights, list(losses))
        terms = [
            LossTerm(
                loss,
                output,
                weight=weights.get(output, 1.0),
                name=key_name(output, "output"),
            )
            for output, loss in losses.items()
        ]
        super().__init__(terms, name=name)

    @property
    def losses(self) -> dict[Key, Any]:
        """The loss of each output."""
        return {term.output_keys[0]: term.loss for term in self.terms}

    @property
    def weights(self) -> dict[Key, Any]:
        """The weight of each output."""
        return {term.output_keys[0]: term.weight for term in self.terms}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> PerOutputLoss:
        """The config is that of a sum, which hosts know how to restore."""
        total = WeightedSumLoss.from_config(config)
        for term in total.terms:
            if len(term.output_keys) > 1:
                raise error(
                    ValueError,
                    "PerOutputLoss.from_config",
                    f"term {term.default_name!r} has several outputs",
                    expected="one output per term",
                    received=repr(term.outputs),
                )
        losses = {term.output_keys[0]: term.loss for term in total.terms}
        weights = {term.output_keys[0]: term.weight for term in total.terms}
        restored = cls(losses, weights=weights, name=total.name)
        _check_lost_nothing(total, restored)
        return restored


def _check_lost_nothing(total: WeightedSumLoss, restored: PerOutputLoss) -> None:
    """Raise if a sum holds more than a loss for each output can."""
    expected, given = restored.get_config(), total.get_config()
    pairs = [
        ("", expected, given),
        *zip(restored.names, expected["terms"], given["terms"], strict=True),
    ]
    for name, can_hold, says in pairs:
        for key in can_hold:
            if key != "terms" and says[key] != can_hold[key]:
                raise error(
                    ValueError,
                    "PerOutputLoss.from_config",
                    f"the config has a value of {key!r} that one loss per output cannot hold",
                    expected=f"{key}={can_hold[key]!r}",
                    received=f"{key}={says[key]!r}" + (f" of output {name!r}" if name else ""),
                    hint="it is the config of a WeightedSumLoss",
                )


def _check_losses(losses: Any) -> dict[Key, Any]:
    """The losses by output; raises unless there are two or more.

    One loss would be taken for the loss of whatever single output Keras hands over.
    """
    if not isinstance(losses, dict):
        raise error(
            TypeError,
            WHERE,
            "`losses` is not a dict of losses",
            expected="a dict from the names of outputs to losses, {'age': 'mse', ...}",
            received=described(losses),
        )
    if len(losses) < 2:
        raise error(
            ValueError,
            WHERE,
            "`losses` does not have several outputs",
            expected="losses of two or more outputs",
            received=repr(losses),
            hint="one loss needs no PerOutputLoss: compile(loss={'output': loss})",
        )
    return {check_key(WHERE, "losses", output): loss for output, loss in losses.items()}


def _check_weights(weights: Any, outputs: list[Key]) -> dict[Key, Any]:
    """The weights by output; raises unless each is of an output that has a loss."""
    if weights is None:
        return {}
    if not isinstance(weights, dict):
        raise error(
            TypeError,
            WHERE,
            "`weights` is not a dict of weights",
            expected="a dict from the names of outputs to numbers, {'age': 0.5}",
            received=described(weights),
        )
    for output in weights:
        if output not in outputs:
            raise unknown_name(WHERE, "`weights` names an output that has no loss", output, outputs)
    return dict(weights)
