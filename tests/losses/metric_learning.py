"""The metric-learning losses written slowly in NumPy, pair by pair, in float64."""

from itertools import permutations

import numpy as np


def distances(embeddings, metric="L2"):
    """The distance of each pair, from the difference or the angle of the two."""
    between = {"L2": _euclidean, "squared-L2": _squared_euclidean, "angular": _angular}[metric]
    found = np.zeros((len(embeddings), len(embeddings)))
    for i, j in permutations(range(len(embeddings)), 2):
        found[i, j] = between(embeddings[i], embeddings[j])
    return found


def _squared_euclidean(a, b):
    return np.sum((a - b) ** 2)


def _euclidean(a, b):
    return np.sqrt(_squared_euclidean(a, b))


def _angular(a, b):
    lengths = np.linalg.norm(a) * np.linalg.norm(b)
    return 1 - (a @ b / lengths if lengths > 0 else 0.0)


def positive_pairs(labels):
    """The ordered pairs of two samples of one class."""
    return [(i, j) for i, j in permutations(range(len(labels)), 2) if labels[i] == labels[j]]


def negatives(labels, i):
    """The samples of other classes than that of sample `i`."""
    return [k for k in range(len(labels)) if labels[k] != labels[i]]


def contrastive(alike, distance, margin=1.0):
    pairs = zip(alike, distance, strict=True)
    return np.array([d**2 if y else max(0, margin - d) ** 2 for y, d in pairs])


def triplet_semihard(labels, embeddings, margin=1.0, metric="L2"):
    """FaceNet: the nearest negative beyond the positive, else the farthest of all."""
    d, values = distances(embeddings, metric), []
    for a, p in positive_pairs(labels):
        to_negatives = [d[a, n] for n in negatives(labels, a)]
        beyond = [x for x in to_negatives if x > d[a, p]]
        mined = min(beyond) if beyond else max(to_negatives, default=0.0)
        values.append(max(0, margin + d[a, p] - mined))
    return np.mean(values) if values else 0.0


def triplet_hard(labels, embeddings, margin=1.0, soft=False, metric="L2"):
    d, values = distances(embeddings, metric), []
    for a in range(len(labels)):
        farthest = max((d[a, p] for i, p in positive_pairs(labels) if i == a), default=0.0)
        nearest = min((d[a, n] for n in negatives(labels, a)), default=max(d[a]))
        excess = farthest - nearest
        values.append(np.log1p(np.exp(excess)) if soft else max(0, margin + excess))
    return np.mean(values) if values else 0.0


def lifted_structure(labels, embeddings, margin=1.0):
    """Song et al., equation 4: over the pairs `i < j`, halved."""
    d, values = distances(embeddings), []
    for i, j in positive_pairs(labels):
        exponents = [margin - d[i, k] for k in negatives(labels, i)]
        exponents += [margin - d[j, k] for k in negatives(labels, j)]
        if i < j:
            pull = d[i, j] + np.log(np.sum(np.exp(exponents))) if exponents else 0.0
            values.append(max(0, pull) ** 2 / 2)
    return np.mean(values) if values else 0.0


def npairs(labels, similarity):
    one_hot = [[y == z for z in sorted(set(labels.tolist()))] for y in labels]
    return npairs_multilabel(np.array(one_hot, float), similarity)


def npairs_multilabel(tags, similarity):
    values = []
    for i, row in enumerate(similarity):
        shared = np.array([tags[i] @ tags[j] for j in range(len(tags))])
        log_softmax = row - np.log(np.sum(np.exp(row)))
        values.append(-(shared @ log_softmax) / shared.sum() if shared.sum() else 0.0)
    return np.mean(values) if values else 0.0
