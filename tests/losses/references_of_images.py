"""The losses of images written slowly in NumPy, in float64: image by image, place by place."""

import numpy as np


def jaccard(label, output, classes=None, smoothing=1.0):
    """A label without an axis of classes is one of class numbers."""
    n_classes = output.shape[-1]
    values = []
    for i, image in enumerate(output):
        of_classes = []
        for c in range(n_classes) if classes is None else classes:
            common, union = smoothing, smoothing
            for place in np.ndindex(image.shape[:-1]):
                y = label[i][place]
                if not np.ndim(y) and not 0 <= y < n_classes:
                    continue
                y = y[c] if np.ndim(y) else float(y == c)
                p = image[place][c]
                common += y * p
                union += y + p - y * p
            of_classes.append(1 - common / union)
        values.append(np.mean(of_classes))
    return np.array(values)


def ssim(label, output, max_value=1.0, window_size=11, sigma=1.5, k1=0.01, k2=0.03):
    """Wang et al., equations 13 to 16, window by window."""
    c1, c2 = (k1 * max_value) ** 2, (k2 * max_value) ** 2
    away = np.arange(window_size) - (window_size - 1) / 2
    weights = np.exp(-(away[:, None] ** 2 + away[None, :] ** 2) / (2 * sigma**2))
    weights /= weights.sum()
    values = []
    for one, other in zip(label, output, strict=True):
        found = []
        height, width, n_channels = one.shape
        for i, j, c in np.ndindex(height - window_size + 1, width - window_size + 1, n_channels):
            window = slice(i, i + window_size), slice(j, j + window_size), c
            x, y = one[window], other[window]
            mean_x, mean_y = np.sum(weights * x), np.sum(weights * y)
            x, y = x - mean_x, y - mean_y
            covariance = np.sum(weights * x * y)
            variances = np.sum(weights * (x**2 + y**2))
            luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
            found.append(luminance * (2 * covariance + c2) / (variances + c2))
        values.append(1 - np.mean(found))
    return np.array(values)
