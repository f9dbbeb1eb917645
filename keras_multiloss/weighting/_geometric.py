"""The geometric mean of the losses."""

from __future__ import annotations

from typing import Any

from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.weighting._weighting import State, Weighting, n_terms_of, positive


@serializable
class GeometricMeanWeighting(Weighting):
    r"""The geometric mean of the losses in place of their sum (GLS).

    $$L = \left(\prod_t \ell_t\right)^{1/T} = \sum_t w_t\, \ell_t,\quad
    w_t = \frac{L}{T\, \ell_t}$$

    with the weights held constant in the gradient, which is then that of the mean. It does not
    depend on the units of the losses. Computed in logarithms; losses must be positive, and those
    below $10^{-8}$ count as $10^{-8}$.

    Example:
        >>> import keras_multiloss as kml
        >>> terms = kml.LossTerm("mse", "age") + kml.LossTerm("mae", "height")
        >>> loss = kml.WeightedSumLoss(terms, weighting="geometric_mean")

    References:
        Chennupati et al., "MultiNet++: multi-stream feature aggregation and geometric loss
        strategy for multi-task learning", CVPR workshops 2019.
    """

    def weights(self, losses: Any, state: State) -> Any:  # noqa: ARG002 (of the interface)
        log_losses = ops.log(positive(losses))
        n_terms = n_terms_of(losses)
        return ops.exp(ops.sum(log_losses) / n_terms - log_losses) / n_terms
