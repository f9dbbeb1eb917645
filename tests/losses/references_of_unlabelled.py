"""The losses of samples without labels written slowly in NumPy, in float64, sample by sample."""

import numpy as np


def entropy(label, p):
    return -np.sum(p * np.log(p), axis=-1)


def pseudo_label(label, strong, weak, labelled=None, *, threshold, align_distribution=False):
    """Sohn et al., equation 4; Berthelot et al., section 3.2 and 3.3."""
    if labelled is not None:
        threshold = threshold * np.mean([max(p) for p in labelled])
    values = np.zeros(len(strong))
    for sample, (p, q) in enumerate(zip(strong, weak, strict=True)):
        if align_distribution:
            q = q * labelled.mean(axis=0) / weak.mean(axis=0)  # noqa: PLW2901
            q = q / q.sum()  # noqa: PLW2901
        if max(q) >= threshold:
            values[sample] = -np.log(p[np.argmax(q)])
    return values
