"""How alike two images look, window by window."""

from __future__ import annotations

import math
from typing import Any

from keras_multiloss._checks import check_count, check_positive
from keras_multiloss._messages import error
from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.evaluation import expand, rank, same_shape, static_shape
from keras_multiloss.losses._input_checks import check_one_label, check_one_output
from keras_multiloss.losses._joint_loss import JointLoss, Reduction


@serializable
class SSIMLoss(JointLoss):
    r"""One minus the structural similarity of an image and its label.

    $$\ell = 1 - \left\langle \frac{(2\mu_y\mu_{\hat y} + c_1)(2\sigma_{y\hat y} + c_2)}
    {(\mu_y^2 + \mu_{\hat y}^2 + c_1)(\sigma_y^2 + \sigma_{\hat y}^2 + c_2)} \right\rangle,\quad
    c_i = (k_i L)^2$$

    Means, variances and covariances are those of windows, in which places count by a normal
    distribution around the middle. $\langle\cdot\rangle$ is the mean over all windows that lie
    within the image, and over the channels, as in `tf.image.ssim`. The loss lies between 0, for
    equal images, and 2.

    Args:
        max_value: $L$, the difference between the largest and the smallest value that an image
            may have: 1.0 for images from 0 to 1, 255.0 for bytes, 2.0 for images from -1 to 1.
        window_size: the height and the width of a window, in places.
        sigma: the standard deviation of that normal distribution, in places.
        k1: keeps the first ratio stable where images are dark.
        k2: keeps the second ratio stable where images are even.
        reduction: as for `JointLoss`.
        name: name of the loss.

    Shape:
        - y_true: images `(batch, height, width, n_channels)`; without the last axis if there is
          one channel.
        - y_pred: one output, images of the same shape. Height and width are `window_size` at
          least.
        - result: `(batch,)`.

    Raises:
        ValueError: if there is not one output of images and one label of the same shape, they
            are smaller than a window, or an argument is out of range.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> stripes = np.tile([0.0, 1.0], (1, 16, 8))[..., None]
        >>> loss = kml.losses.SSIMLoss()
        >>> round(float(loss(stripes, stripes)), 3)
        0.0
        >>> round(float(loss(stripes, 1.0 - stripes)), 1)
        2.0

    References:
        Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to
        structural similarity", IEEE Transactions on Image Processing, 2004.
    """

    is_sample_wise = True

    def __init__(
        self,
        *,
        max_value: float = 1.0,
        window_size: int = 11,
        sigma: float = 1.5,
        k1: float = 0.01,
        k2: float = 0.03,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "ssim",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        where = "SSIMLoss"
        self.max_value = check_positive(where, "max_value", max_value)
        self.window_size = check_count(where, "window_size", window_size)
        self.sigma = check_positive(where, "sigma", sigma)
        self.k1 = check_positive(where, "k1", k1)
        self.k2 = check_positive(where, "k2", k2)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        where = type(self).__name__
        output = check_one_output(where, y_pred)
        self._check_is_images(output)
        label = check_one_label(where, y_true)
        if rank(label) == 3:
            label = expand(label)
        label = ops.cast(same_shape(where, label, output), "float32")
        return 1.0 - ops.mean(self._similarities(label, output), axis=(1, 2, 3))

    def _similarities(self, one: Any, other: Any) -> Any:
        """The similarity of each window and channel of two batches of images."""
        c1, c2 = (self.k1 * self.max_value) ** 2, (self.k2 * self.max_value) ** 2
        # Variances do not change with the level of an image, but lose digits with it.
        level = ops.stop_gradient(ops.mean(0.5 * (one + other), axis=(1, 2), keepdims=True))
        a, b = one - level, other - level
        mean_a, mean_b = self._blurred(a), self._blurred(b)
        covariance = self._blurred(a * b) - mean_a * mean_b
        squares = self._blurred(ops.square(a) + ops.square(b))
        # Both variances together. Rounding may leave less than twice the covariance.
        variances = squares - ops.square(mean_a) - ops.square(mean_b)
        variances = ops.maximum(variances, 2.0 * ops.abs(covariance))
        structure = (2.0 * covariance + c2) / (variances + c2)
        mean_a, mean_b = mean_a + level, mean_b + level
        luminance = (2.0 * mean_a * mean_b + c1) / (ops.square(mean_a) + ops.square(mean_b) + c1)
        return luminance * structure

    def _blurred(self, images: Any) -> Any:
        """The mean of each window, its places weighed, along one axis after the other."""
        weights = _normal_weights(self.window_size, self.sigma)
        n_rows, n_columns = (n - self.window_size + 1 for n in ops.shape(images)[1:3])
        rows = sum(w * images[:, i : i + n_rows] for i, w in enumerate(weights))
        return sum(w * rows[:, :, i : i + n_columns] for i, w in enumerate(weights))

    def _check_is_images(self, output: Any) -> None:
        shape = static_shape(output)
        sides = shape[1:3] if shape is not None and len(shape) == 4 else (0, 0)
        if all(n is None or n >= self.window_size for n in sides):
            return
        at_least = f"a height and a width of at least {self.window_size}"
        raise error(
            ValueError,
            type(self).__name__,
            "the output is not a batch of images in which a window has room",
            expected=f"an output of shape (batch, height, width, n_channels), {at_least}",
            received=f"shape {shape}",
            hint="a smaller `window_size` takes smaller images",
        )

    def get_config(self) -> dict[str, Any]:
        own = {
            "max_value": self.max_value,
            "window_size": self.window_size,
            "sigma": self.sigma,
            "k1": self.k1,
            "k2": self.k2,
        }
        return {**super().get_config(), **own}


def _normal_weights(n: int, sigma: float) -> list[float]:
    """The weights of `n` places in a row, which sum to 1."""
    weights = [math.exp(-0.5 * ((i - (n - 1) / 2) / sigma) ** 2) for i in range(n)]
    return [weight / sum(weights) for weight in weights]
