"""The likelihood of a label under a mixture of normal distributions."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_finite_number
from keras_multiloss._messages import error
from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.evaluation import expand, rank, static_shape
from keras_multiloss.losses._gaussian import bounded_below, log_normal
from keras_multiloss.losses._input_checks import check_one_label, check_roles
from keras_multiloss.losses._joint_loss import JointLoss, Reduction


@serializable
class MixtureDensityNLL(JointLoss):
    r"""Negative log-likelihood of a label under a predicted mixture of normal distributions.

    $$\ell = -\log \sum_{k=1}^{K} \pi_k \prod_{j=1}^{n}
    \frac{1}{\sigma_{kj}} \exp\frac{-(y_j-\mu_{kj})^2}{2\sigma_{kj}^2},
    \quad \pi = \operatorname{softmax}(z)$$

    up to the constant $\tfrac n2 \log 2\pi$, as a log-sum-exp over the components. With one
    component it is the sum of `GaussianNLL` over the label's entries.

    Args:
        min_log_variance: lower bound of $\log\sigma^2$, in log of squared label units; keeps a
            component from collapsing onto one sample. Below it the value and the gradient
            are those at the bound.
        reduction: as for `JointLoss`.
        name: name of the loss.

    Shape:
        - y_true: `(batch, n)`; for single numbers also `(batch,)`.
        - y_pred: `(logits, mean, log_variance)` of shapes `(batch, K)`, `(batch, K, n)` and
          `(batch, K, n)`, or `(batch, K, 1)` for one variance per component. For single numbers
          all three may be `(batch, K)`.
        - result: `(batch,)`.

    Raises:
        ValueError: if there are not these three outputs and one label, or the shapes do not
            fit.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> logits, mean = np.array([[0.0, 0.0]]), np.array([[-1.0, 1.0]])
        >>> loss = kml.losses.MixtureDensityNLL()
        >>> float(loss(np.array([0.0]), (logits, mean, np.zeros((1, 2)))))
        0.5

    References:
        Bishop, "Mixture density networks", Aston University technical report NCRG/94/004,
        1994.
    """

    def __init__(
        self,
        *,
        min_log_variance: float = -20.0,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "mixture_density_nll",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        self.min_log_variance = check_finite_number(
            "MixtureDensityNLL", "min_log_variance", min_log_variance
        )

    def call(self, y_true: Any, y_pred: Any) -> Any:
        where = type(self).__name__
        logits, mean, log_variance = check_roles(where, y_pred, "logits", "mean", "log_variance")
        label = ops.cast(check_one_label(where, y_true), "float32")
        given = (logits, mean, log_variance, label)
        label = expand(label) if rank(label) == 1 else label
        mean, log_variance = (expand(x) if rank(x) == 2 else x for x in (mean, log_variance))
        _check_mixture_shapes(where, (logits, mean, log_variance, label), given)
        log_variance = bounded_below(log_variance, self.min_log_variance)
        log_density = log_normal(ops.expand_dims(label, 1), mean, log_variance)
        log_component = ops.log_softmax(logits, axis=-1) + ops.sum(log_density, axis=-1)
        return -ops.logsumexp(log_component, axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "min_log_variance": self.min_log_variance}


def _check_mixture_shapes(where: str, tensors: tuple[Any, ...], given: tuple[Any, ...]) -> None:
    """Raise unless there is a mean and a variance of each component for each label entry."""
    shapes = [shape for shape in map(static_shape, tensors) if shape is not None]
    if len(shapes) < len(tensors):
        return
    (_, *n_components), (_, *of_mean), (_, *of_variance), (_, *n) = shapes
    fits = len(n) == 1 and of_mean == n_components + n
    if not fits or of_variance not in (of_mean, [*n_components, 1]):
        names = ("logits", "mean", "log_variance", "a label")
        pairs = zip(names, map(static_shape, given), strict=True)
        raise error(
            ValueError,
            where,
            "its outputs and the label do not fit",
            expected="logits (batch, K), mean and log_variance (batch, K, n), a label (batch, n)",
            received=", ".join(f"{name} {shape}" for name, shape in pairs),
            hint="keras.layers.Reshape((K, n)) after the layer that makes K * n numbers",
        )
