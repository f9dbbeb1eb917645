"""The losses of sequences written slowly in NumPy, in float64 and from their definitions."""

from itertools import groupby, product

import numpy as np

from tests.losses.references import softmax


def ctc(label, logits, blank=0, label_length=None, n_frames=None):
    """Every alignment, one by one: repeated classes joined, blanks dropped."""
    values = []
    for i, of_frames in enumerate(softmax(logits)):
        p = of_frames if n_frames is None else of_frames[: int(n_frames[i])]
        if label_length is None:
            wanted = [y for y in label[i] if y >= 0 and y != blank]
        else:
            wanted = list(label[i][: int(label_length[i])])
        total = 0.0
        for alignment in product(range(p.shape[1]), repeat=len(p)):
            if [k for k, _ in groupby(alignment) if k != blank] == wanted:
                total += np.prod([row[k] for row, k in zip(p, alignment, strict=True)])
        values.append(-np.log(total) if total else 0.0)
    return np.array(values)
