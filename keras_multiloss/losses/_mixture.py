"""The likelihood of a label under a mixture of normal distributions."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_finite_number
from keras_multiloss._messages import error
from keras_multiloss._platform import dtype_name, ops
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
          all three may be `(batch, K)`. Shares of components come as logits, not probabilities.
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

    is_sample_wise = True

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
        return -_log_mixture(ops.log_softmax(logits, axis=-1), label, mean, log_variance)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "min_log_variance": self.min_log_variance}


def _log_mixture(log_weight: Any, label: Any, mean: Any, log_variance: Any) -> Any:
    """The log-density of a mixture, up to a constant, `(batch,)`.

    It is that of the most likely component, plus what the others add. Far from all components,
    their log-densities are large numbers that differ by small ones, so that these differences,
    which say how the gradient is shared, are computed by themselves.
    """
    label = ops.expand_dims(label, 1)
    log_density = log_weight + ops.sum(log_normal(label, mean, log_variance), axis=-1)
    best_place = expand(ops.argmax(log_density, axis=-1))
    places = ops.arange(ops.shape(log_density)[-1], dtype=dtype_name(best_place))
    is_best = ops.equal(ops.expand_dims(places, 0), best_place)
    best_weight, best_mean, best_log_variance = (
        ops.sum(ops.where(_for_entries(is_best, x), x, ops.zeros_like(x)), axis=1, keepdims=True)
        for x in (log_weight, mean, log_variance)
    )
    of_squares = _difference_of_squares(label, mean, log_variance, best_mean, best_log_variance)
    of_variances = log_variance - best_log_variance + ops.zeros_like(mean)
    more = log_weight - best_weight - 0.5 * ops.sum(of_variances + of_squares, axis=-1)
    best = log_normal(label, best_mean, best_log_variance)
    return best_weight[:, 0] + ops.sum(best[:, 0], axis=-1) + ops.logsumexp(more, axis=-1)


def _for_entries(condition: Any, x: Any) -> Any:
    """A condition for each component, with the axes of a tensor."""
    return expand(condition) if rank(x) == 3 else condition


def _difference_of_squares(
    label: Any, mean: Any, log_variance: Any, other_mean: Any, other_log_variance: Any
) -> Any:
    r"""$u^2 - v^2$ as $(u - v)(u + v)$ of $u = (y - \mu) / \sigma$ and $v$, that of another."""
    scale, other_scale = ops.exp(-0.5 * log_variance), ops.exp(-0.5 * other_log_variance)
    ratio = 0.5 * (other_log_variance - log_variance)
    small = ops.clip(ratio, -1.0, 1.0)
    between_scales = ops.where(
        ops.abs(ratio) < 1.0, other_scale * ops.expm1(small), scale - other_scale
    )
    apart = (label - mean) * between_scales + (other_mean - mean) * other_scale
    return apart * ((label - mean) * scale + (label - other_mean) * other_scale)


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
