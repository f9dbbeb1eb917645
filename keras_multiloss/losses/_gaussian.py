"""Losses of outputs that are the parameters of normal distributions."""

from __future__ import annotations

from typing import Any

from keras_multiloss._keras import ops
from keras_multiloss._serialization import serializable
from keras_multiloss.losses._inputs import check_one_shape, check_roles
from keras_multiloss.losses._joint import JointLoss, Reduction


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

    def __init__(
        self,
        *,
        axis: int | tuple[int, ...] = -1,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "kl_divergence_to_normal",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        self.axis = tuple(axis) if isinstance(axis, (list, tuple)) else axis

    def call(self, y_true: Any, y_pred: Any) -> Any:  # noqa: ARG002 (it needs no label)
        where = type(self).__name__
        mean, log_variance = check_roles(where, y_pred, "mean", "log_variance")
        check_one_shape(where, (mean, log_variance))
        # `expm1` keeps the digits that `exp(s) - 1` loses near a variance of 1.
        divergence = ops.square(mean) + ops.expm1(log_variance) - log_variance
        return 0.5 * ops.sum(divergence, axis=self.axis)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}
