"""One label for the outputs of a network at several depths."""

from __future__ import annotations

from typing import Any, Literal

from keras_multiloss._checks import check_choice, check_config, check_finite_number
from keras_multiloss._messages import error
from keras_multiloss._platform import keras, ops, set_keras_mask
from keras_multiloss._saving import deserialize, get_loss, serializable, serialize
from keras_multiloss.evaluation import Evaluated, evaluate, rank, static_shape
from keras_multiloss.losses._input_checks import check_one_label, check_several
from keras_multiloss.losses._joint_loss import JointLoss, Reduction

Weights = Literal["same", "halving"] | list[float]


@serializable
class DeepSupervisionLoss(JointLoss):
    r"""One loss of many side outputs against one label, resized to each of them.

    $$\ell = \sum_{t=1}^{T} w_t \, f(\operatorname{resize}_t(y), \hat y_t)$$

    The label is resized by its nearest entries, so that classes stay classes. The values
    of $f$ are averaged over the entries of each sample.

    Args:
        loss: $f$, a loss of one output: a Keras loss, its name, or a registered function.
            Its own reduction is not used.
        weights: `"same"`, $w_t = 1/T$; `"halving"`, $w_t \propto 2^{-t}$ with sum 1, for
            outputs that are given from the finest to the coarsest; or a list of weights.
        reduction: as for `JointLoss`.
        name: name of the loss.

    Shape:
        - y_true: `(batch, ..., n)`, or `(batch, ...)` for a sparse loss, where `...` are
          the spatial axes, of any size.
        - y_pred: a tuple of two or more outputs `(batch, ..., n_t)`, each of its own size.
        - result: parts `"side_0"`, `"side_1"`, ... of `(batch,)`, one for each output in their
          order, times its weight. The mask of a term thus leaves out every sample with a
          missing entry; `DeepSupervisionLoss(MaskedLoss("mse"))` leaves out the entries only.

    Raises:
        ValueError: if there are not several outputs and one label, or not one weight for
            each output.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> label = np.ones((1, 4, 4, 1))
        >>> fine, coarse = np.zeros((1, 4, 4, 1)), np.full((1, 2, 2, 1), 3.0)
        >>> loss = kml.losses.DeepSupervisionLoss("mse", weights=[1.0, 0.5])
        >>> float(loss(label, (fine, coarse)))
        3.0

    References:
        Lee et al., "Deeply-supervised nets", AISTATS 2015.
        Isensee et al., "nnU-Net: a self-configuring method for deep learning-based
        biomedical image segmentation", Nature Methods, 2021 (halving).
    """

    def __init__(
        self,
        loss: Any,
        *,
        weights: Weights = "same",
        reduction: Reduction = "sum_over_batch_size",
        name: str = "deep_supervision",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        where = "DeepSupervisionLoss"
        self.loss = get_loss(where, loss)
        if isinstance(weights, (list, tuple)):
            weights = [check_finite_number(where, "weights", weight) for weight in weights]
        else:
            check_choice(where, "weights", weights, ["same", "halving"])
        self.weights = weights

    def call(self, y_true: Any, y_pred: Any) -> Any:
        where = type(self).__name__
        outputs = check_several(where, y_pred)
        label = check_one_label(where, y_true)
        weights = self._weights_of(len(outputs))
        sides = [self._side(label, output) for output in outputs]
        parts = {}
        for i, (weight, side) in enumerate(zip(weights, sides, strict=True)):
            parts[f"side_{i}"] = weight * side.weighed_values()
            if side.counted is not None:
                set_keras_mask(parts[f"side_{i}"], side.counted)
        return parts

    def _side(self, label: Any, output: Any) -> Evaluated:
        """The loss of one side output, one value for each sample."""
        where = type(self).__name__
        _check_has_spatial_axes(where, label, output)
        return evaluate(where, self.loss, _resize(label, output), output).by_sample()

    def _weights_of(self, n_outputs: int) -> list[float]:
        if self.weights == "same":
            return [1.0 / n_outputs] * n_outputs
        if self.weights == "halving":
            total = 2.0 - 2.0 ** (1 - n_outputs)
            return [2.0**-t / total for t in range(n_outputs)]
        if len(self.weights) == n_outputs:
            return list(self.weights)
        raise error(
            ValueError,
            "DeepSupervisionLoss",
            "`weights` does not fit the outputs",
            expected=f"one weight for each of {n_outputs} outputs",
            received=f"{self.weights!r}",
        )

    def get_config(self) -> dict[str, Any]:
        own = {"loss": serialize(self.loss), "weights": self.weights}
        return {**super().get_config(), **own}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DeepSupervisionLoss:
        where = "DeepSupervisionLoss: `loss`"
        config = check_config(cls, config, [*config], required=("loss",))
        loss = deserialize(where, config["loss"], keras.losses)
        return cls(**{**config, "loss": loss})


def _resize(label: Any, output: Any) -> Any:
    """The label at the spatial size of the output, by nearest entries."""
    for axis in range(1, (rank(output) or 2) - 1):
        size, wanted = ops.shape(label)[axis], ops.shape(output)[axis]
        if isinstance(size, int) and isinstance(wanted, int) and size == wanted:
            continue
        # The middle of entry i, as a fraction of the axis, is (2 i + 1) / (2 wanted).
        nearest = (2 * ops.arange(wanted) + 1) * size // (2 * wanted)
        label = ops.take(label, nearest, axis=axis)
    return label


def _check_has_spatial_axes(where: str, label: Any, output: Any) -> None:
    n_label, n_output = rank(label), rank(output)
    if n_label is None or n_output is None or n_label >= n_output - 1:
        return
    raise error(
        ValueError,
        where,
        "the label lacks spatial axes of the outputs",
        expected=f"a label of {n_output - 1} axes or more, for an output of shape "
        f"{static_shape(output)}",
        received=f"shape {static_shape(label)}",
    )
