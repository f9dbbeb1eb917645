"""Losses of outputs that are the parameters of normal distributions."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_between, check_finite_number
from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.evaluation import align, same_shape
from keras_multiloss.losses._input_checks import (
    check_no_label,
    check_one_label,
    check_one_shape,
    check_roles,
)
from keras_multiloss.losses._joint_loss import JointLoss, Reduction


@serializable
class KLDivergenceToNormal(JointLoss):
    r"""Kullback-Leibler divergence of predicted normal distributions to the standard one.

    $$\ell = \tfrac12 \sum_j \left(\mu_j^2 + e^{s_j} - s_j - 1\right),\quad
    s_j=\log\sigma_j^2$$

    The regularising term of a variational autoencoder. It needs no label: give the term
    `labels=None`, and a `weight` (a schedule, for a warm-up) for the beta of a beta-VAE.

    Args:
        axis: the axis or axes to sum over, those of the latent variables.
        reduction: as for `JointLoss`.
        name: name of the loss.

    Shape:
        - y_true: `None`.
        - y_pred: a pair `(mean, log_variance)`, both `(batch, ..., n_latents)`.
        - result: `(batch, ...)`.

    Raises:
        ValueError: if the outputs are not a pair of one shape.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> mean, log_variance = np.array([[1.0, 2.0]]), np.zeros((1, 2))
        >>> float(kml.losses.KLDivergenceToNormal()(None, (mean, log_variance)))
        2.5

    References:
        Kingma and Welling, "Auto-encoding variational Bayes", ICLR 2014, appendix B.
        Higgins et al., "beta-VAE: learning basic visual concepts with a constrained
        variational framework", ICLR 2017.
    """

    is_sample_wise = True

    def __init__(
        self,
        *,
        axis: int | tuple[int, ...] = -1,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "kl_divergence_to_normal",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        self.axis = tuple(axis) if isinstance(axis, (list, tuple)) else axis

    def call(self, y_true: Any, y_pred: Any) -> Any:
        where = type(self).__name__
        check_no_label(where, y_true)
        mean, log_variance = check_roles(where, y_pred, "mean", "log_variance")
        check_one_shape(where, (mean, log_variance))
        # `expm1` keeps the digits that `exp(s) - 1` loses near a variance of 1.
        divergence = ops.square(mean) + ops.expm1(log_variance) - log_variance
        return 0.5 * ops.sum(divergence, axis=self.axis)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}


@serializable
class GaussianNLL(JointLoss):
    r"""Negative log-likelihood of a label under a predicted normal distribution.

    $$\ell = \tfrac12 \left\lfloor e^{\beta s} \right\rfloor
    \left(s + (y-\mu)^2 e^{-s}\right),\quad s=\log\sigma^2$$

    up to the constant $\tfrac12\log 2\pi$. No gradient flows through the factor in
    $\lfloor\cdot\rfloor$, which is 1 for $\beta=0$; with $\beta>0$ entries of large predicted
    variance keep more of their gradient, and $\beta=1$ trains the mean as the squared error
    does.

    Args:
        beta: $\beta$, from 0 (the likelihood) to 1; its paper suggests 0.5.
        min_log_variance: lower bound of $s$, in log of squared label units; keeps one
            over-confident sample from dominating a batch. Below it the value and the gradient
            are those at the bound, so that an output can come back.
        reduction: as for `JointLoss`.
        name: name of the loss.

    Shape:
        - y_true: `(batch,)` or of the shape of an output.
        - y_pred: a pair `(mean, log_variance)` of one shape, such as `(batch, n)`.
        - result: of the shape of an output, so that a mask leaves out single entries.

    Raises:
        ValueError: if the outputs are not a pair of one shape, or there is not one label of
            that shape.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> loss = kml.losses.GaussianNLL()
        >>> mean, log_variance = np.array([[0.0]]), np.array([[0.0]])
        >>> float(loss(np.array([[1.0]]), (mean, log_variance)))
        0.5

    References:
        Nix and Weigend, "Estimating the mean and variance of the target probability
        distribution", ICNN 1994.
        Seitzer et al., "On the pitfalls of heteroscedastic uncertainty estimation with
        probabilistic neural networks", ICLR 2022 (beta).
    """

    is_sample_wise = True

    def __init__(
        self,
        *,
        beta: float = 0.0,
        min_log_variance: float = -20.0,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "gaussian_nll",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        where = "GaussianNLL"
        self.beta = check_between(where, "beta", beta, 0.0, 1.0)
        self.min_log_variance = check_finite_number(where, "min_log_variance", min_log_variance)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        where = type(self).__name__
        mean, log_variance = check_roles(where, y_pred, "mean", "log_variance")
        check_one_shape(where, (mean, log_variance))
        label, _ = align(check_one_label(where, y_true), mean)
        label = ops.cast(same_shape(where, label, mean), "float32")
        log_variance = bounded_below(log_variance, self.min_log_variance)
        values = -log_normal(label, mean, log_variance)
        return values * ops.stop_gradient(ops.exp(self.beta * log_variance))

    def get_config(self) -> dict[str, Any]:
        own = {"beta": self.beta, "min_log_variance": self.min_log_variance}
        return {**super().get_config(), **own}


def log_normal(label: Any, mean: Any, log_variance: Any) -> Any:
    """The log-density of a normal distribution, up to a constant."""
    return -0.5 * (log_variance + ops.square(label - mean) * ops.exp(-log_variance))


def bounded_below(x: Any, bound: float) -> Any:
    """The larger of `x` and a bound, with the gradient that the bound has below it."""
    return ops.stop_gradient(ops.maximum(x, bound)) + (x - ops.stop_gradient(x))
