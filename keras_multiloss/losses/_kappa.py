"""The loss of ordered classes by the agreement of two raters."""

from __future__ import annotations

import numbers
from typing import Any, Literal, get_args

import numpy as np

from keras_multiloss._checks import check_choice, check_positive
from keras_multiloss._messages import described, error
from keras_multiloss._platform import ops
from keras_multiloss.evaluation import fits, static_shape
from keras_multiloss.losses._addons_loss import AddonsLoss, AddonsReduction, from_addons

Weightage = Literal["quadratic", "linear"]


def weighted_kappa_loss(
    y_true: Any, y_pred: Any, num_classes: int, weightage: Weightage, epsilon: float
) -> Any:
    """The loss of a batch; see `WeightedKappaLoss` for the formula and the arguments."""
    for argument, rows in (("y_true", y_true), ("y_pred", y_pred)):
        _check_columns(argument, rows, num_classes)
    y_true, y_pred = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
    weights = ops.convert_to_tensor(_disagreements(num_classes, weightage))
    observed = ops.sum(ops.matmul(y_true, weights) * y_pred)
    labels, outputs = ops.sum(y_true, axis=0, keepdims=True), ops.sum(y_pred, axis=0, keepdims=True)
    n_rows = ops.maximum(ops.sum(ops.ones_like(y_pred[:, 0])), 1.0)
    expected = ops.sum(ops.matmul(labels, weights) * outputs) / n_rows
    is_none = expected == 0
    ratio = observed / ops.where(is_none, ops.ones_like(expected), expected)
    return ops.log(ops.where(is_none, ops.zeros_like(ratio), ratio) + epsilon)


@from_addons("whole")
class WeightedKappaLoss(AddonsLoss):
    r"""Logarithm of the disagreement of outputs and labels, as in Cohen's weighted kappa.

    $$\ell = \log\left(\frac{\sum_{ij} w_{ij}\, O_{ij}}{\sum_{ij} w_{ij}\, E_{ij}}
    + \epsilon\right),\quad O = Y^\top P,\quad
    E = \tfrac1B\,(Y^\top 1)(P^\top 1)^\top,\quad
    w_{ij} = |i-j| \text{ or } (i-j)^2$$

    for a batch $Y$ of $B$ one-hot labels and the predicted probabilities $P$. The ratio is
    one minus kappa: 0 for full agreement, 1 for agreement by chance. It is one value for the
    whole batch, so that a term of it takes neither a mask nor sample weights. A batch with no
    expected disagreement, such as an empty one or one of a single class that is predicted
    with certainty, gives $\log\epsilon$.

    Args:
        num_classes: the number of classes, 2 or more, in their order.
        weightage: `"quadratic"` or `"linear"` weights of a disagreement by its distance.
        name: name of the loss.
        epsilon: $\epsilon > 0$, which bounds the loss from below; `None` means 1e-6.
        reduction: `"none"`, `"sum"`, or `"sum_over_batch_size"` (also called `"auto"`): all
            the same for the one value.

    Shape:
        - y_true: one-hot labels, `(batch, num_classes)`.
        - y_pred: probabilities of the same shape.
        - value: a float32 scalar.

    Raises:
        ValueError: for fewer than two classes, an unknown weightage, an epsilon that is not
            positive, or labels or outputs that do not have `num_classes` columns.
        TypeError: if `num_classes` is not an integer.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> loss = kml.losses.WeightedKappaLoss(num_classes=3)
        >>> label = np.eye(3)
        >>> round(float(loss(label, label)), 3)
        -13.816
        >>> round(float(loss(label, np.full((3, 3), 1 / 3))), 3)
        0.0

    References:
        Cohen, "Weighted kappa: nominal scale agreement with provision for scaled disagreement
        or partial credit", Psychological Bulletin, 1968.
        de la Torre, Puig and Valls, "Weighted kappa loss function for multi-class
        classification of ordinal data in deep learning", Pattern Recognition Letters, 2018.
    """

    function = weighted_kappa_loss
    arguments = ("num_classes", "weightage", "epsilon")

    def __init__(
        self,
        num_classes: int,
        weightage: Weightage = "quadratic",
        name: str | None = "cohen_kappa_loss",
        epsilon: float | None = 1e-6,
        reduction: AddonsReduction = "none",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        where = type(self).__name__
        check_choice(where, "weightage", weightage, get_args(Weightage))
        self.num_classes = _check_n_classes(where, num_classes)
        self.weightage = weightage
        self.epsilon = check_positive(where, "epsilon", 1e-6 if epsilon is None else epsilon)


def _check_n_classes(where: str, n_classes: Any) -> int:
    is_integer = isinstance(n_classes, numbers.Integral) and not isinstance(n_classes, bool)
    if is_integer and n_classes >= 2:
        return int(n_classes)
    raise error(
        ValueError if is_integer else TypeError,
        where,
        "`num_classes` must be an integer of at least 2",
        expected="the number of classes, such as 3",
        received=described(n_classes),
    )


def _check_columns(argument: str, rows: Any, n_classes: int) -> None:
    shape = static_shape(rows)
    if shape is None or fits(shape, (None, n_classes)):
        return
    raise error(
        ValueError,
        "WeightedKappaLoss",
        f"`{argument}` does not have a column for each class",
        expected=f"shape (batch, {n_classes}), for num_classes={n_classes}",
        received=f"shape {shape}",
        hint="class numbers have to be one-hot encoded" if argument == "y_true" else None,
    )


def _disagreements(n_classes: int, weightage: Weightage) -> np.ndarray:
    """The weight of each pair of classes by their distance."""
    classes = np.arange(n_classes, dtype="float32")
    distances = np.abs(classes[:, None] - classes)
    return distances if weightage == "linear" else distances**2
