"""The losses of embeddings written slowly in NumPy, in float64 and from their definitions."""

from itertools import combinations

import numpy as np


def unit(vector):
    return vector / np.linalg.norm(vector)


def cosine(a, b):
    return float(unit(a) @ unit(b))


def triplet_margin(label, anchor, positive, negative, margin, distance, swap=False):
    distances = {
        "euclidean": lambda a, b: np.sqrt(np.sum((a - b) ** 2)),
        "squared_euclidean": lambda a, b: np.sum((a - b) ** 2),
        "cosine": lambda a, b: 1 - cosine(a, b),
    }
    d = distances[distance]
    values = []
    for a, p, n in zip(anchor, positive, negative, strict=True):
        to_negative = min(d(a, n), d(p, n)) if swap else d(a, n)
        values.append(max(0.0, d(a, p) - to_negative + margin))
    return np.array(values)


def nt_xent(label, one, other, temperature):
    """Each view against all views but itself, one by one."""
    views = [*one, *other]
    n = len(one)
    values = []
    for i, view in enumerate(views):
        powers = [np.exp(cosine(view, w) / temperature) for w in views]
        partner = (i + n) % (2 * n)
        rest = sum(power for k, power in enumerate(powers) if k != i)
        values.append(-np.log(powers[partner] / rest))
    return (np.array(values[:n]) + np.array(values[n:])) / 2


def supervised_contrastive(label, *outputs, temperature):
    """Each embedding against all others; the views of a sample in one output or in several."""
    views = outputs[0] if outputs[0].ndim == 3 else np.stack(outputs, axis=1)
    places = [(i, v) for i in range(len(views)) for v in range(views.shape[1])]
    values = np.zeros(views.shape[:2])
    for i, v in places:
        powers = {
            (j, w): np.exp(cosine(views[i, v], views[j, w]) / temperature)
            for j, w in places
            if (j, w) != (i, v)
        }
        is_known = label[i] >= 0
        positives = [(j, w) for j, w in powers if j == i or (is_known and label[j] == label[i])]
        for place in positives:
            values[i, v] -= np.log(powers[place] / sum(powers.values())) / len(positives)
    return values.mean(axis=1)


def in_batch_softmax(
    log_q, query, item, temperature=1.0, normalize=False, symmetric=False, item_id=None
):
    n = len(item)
    log_q = np.zeros(n) if log_q is None else log_q.reshape(-1)
    item_id = np.arange(n) if item_id is None else item_id.reshape(-1)
    temperatures = np.broadcast_to(np.reshape(temperature, -1), n)
    powers = np.zeros((n, n))
    for i, j in np.ndindex(n, n):
        u, v = query[i], item[j]
        if i == j or item_id[i] != item_id[j]:
            product = cosine(u, v) if normalize else u @ v
            powers[i, j] = np.exp(product / temperatures[i] - log_q[j])
    of_items = np.array([-np.log(powers[i, i] / powers[i].sum()) for i in range(n)])
    of_queries = np.array([-np.log(powers[i, i] / powers[:, i].sum()) for i in range(n)])
    return (of_items + of_queries) / 2 if symmetric else of_items


def barlow_twins(label, one, other, off_diagonal_weight):
    n_samples, n = one.shape
    value = 0.0
    for i in range(n):
        for j in range(n):
            a, b = one[:, i] - one[:, i].mean(), other[:, j] - other[:, j].mean()
            scale = np.sqrt((np.mean(a**2) + 1e-5) * (np.mean(b**2) + 1e-5))
            correlation = np.mean(a * b) / scale
            value += (1 - correlation) ** 2 if i == j else off_diagonal_weight * correlation**2
    return np.full(n_samples, value)


def vicreg(label, one, other, weights=(25.0, 25.0, 1.0), epsilon=1e-4):
    of_invariance, of_variance, of_covariance = weights
    invariance = np.mean((one - other) ** 2, axis=1)
    of_batch = 0.0
    for view in (one, other):
        covariance = np.cov(view, rowvar=False)
        deviations = np.sqrt(np.diag(covariance) + epsilon)
        related = np.sum(covariance**2) - np.sum(np.diag(covariance) ** 2)
        of_batch += of_variance * np.mean(np.maximum(0, 1 - deviations))
        of_batch += of_covariance * related / view.shape[1]
    return of_invariance * invariance + of_batch


def orthogonality(label, *outputs):
    n = len(outputs[0])
    pairs = list(combinations(outputs, 2))
    values = np.zeros(n)
    for a, b in pairs:
        for i in range(n):
            together = [cosine(a[i], a[j]) * cosine(b[i], b[j]) for j in range(n)]
            values[i] += np.mean(together) / len(pairs)
    return values


def arc_face(label, cosines, margin, scale):
    """By the angle itself."""
    moved = cosines.copy()
    for i, y in enumerate(label):
        angle = np.arccos(cosines[i, y]) + margin
        beyond = cosines[i, y] - margin * np.sin(margin)
        moved[i, y] = np.cos(angle) if angle < np.pi else beyond
    return cross_entropy(label, scale * moved)


def cos_face(label, cosines, margin, scale):
    moved = cosines.copy()
    for i, y in enumerate(label):
        moved[i, y] -= margin
    return cross_entropy(label, scale * moved)


def cross_entropy(label, logits):
    shifted = logits - logits.max(axis=-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return np.array([-log_p[i, y] for i, y in enumerate(label)])
