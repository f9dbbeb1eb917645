"""The joint losses written slowly in NumPy, in float64 and straight from their definitions."""

from itertools import combinations, pairwise, product

import numpy as np


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


def categorical_sum_nll(label, *probabilities):
    """The sum over all ways to make the label, one by one."""
    values = []
    for sample, total in enumerate(label):
        ways = product(*(range(p.shape[-1]) for p in probabilities))
        chances = [
            np.prod([p[sample, i] for p, i in zip(probabilities, way, strict=True)])
            for way in ways
            if sum(way) == total
        ]
        values.append(-np.log(np.sum(chances)))
    return np.array(values)


def kl_divergence_to_normal(label, mean, log_variance):
    return 0.5 * np.sum(mean**2 + np.exp(log_variance) - log_variance - 1, axis=-1)


def product_binary_crossentropy(label, *probabilities):
    p = np.prod(probabilities, axis=0)
    return -label * np.log(p) - (1 - label) * np.log(1 - p)


def distillation(label, student, teacher, temperature, label_share=0.5, label_smoothing=0.0):
    p, q = softmax(student / temperature), softmax(teacher / temperature)
    soft = temperature**2 * kl(q, p)
    if label is None:
        return soft
    targets = (1 - label_smoothing) * np.eye(student.shape[-1])[label]
    targets += label_smoothing / student.shape[-1]
    hard = -np.sum(targets * np.log(softmax(student)), axis=-1)
    return (1 - label_share) * soft + label_share * hard


def feature_distillation(label, student, teacher, distance):
    if distance == "mse":
        return np.mean((student - teacher) ** 2, axis=-1)
    if distance == "cosine":
        return 1 - _cosine(student, teacher)
    maps = [np.sum(x**2, axis=-1).reshape(len(x), -1) for x in (student, teacher)]
    a, b = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in maps)
    return np.sum((a - b) ** 2, axis=-1)


def regression_distillation(label, student, teacher, label_share=0.5, margin=None):
    """With a margin, the teacher is a bound: Chen et al., equation 5."""
    if label is None:
        return np.mean((student - teacher) ** 2, axis=-1)
    hard, of_teacher = (np.mean((x - label) ** 2, axis=-1) for x in (student, teacher))
    soft = np.mean((student - teacher) ** 2, axis=-1)
    if margin is not None:
        soft = np.where(hard + margin > of_teacher, hard, 0)
    return (1 - label_share) * soft + label_share * hard


def kl(p, q):
    return np.sum(p * np.log(p / q), axis=-1)


def mse_consistency(label, *outputs):
    pairs = list(combinations(outputs, 2))
    return sum(np.mean((a - b) ** 2, axis=-1) for a, b in pairs) / len(pairs)


def cosine_consistency(label, *outputs):
    pairs = list(combinations(outputs, 2))
    return 1 - sum(_cosine(a, b) for a, b in pairs) / len(pairs)


def _cosine(a, b):
    lengths = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    return np.sum(a * b, axis=-1) / lengths


def kl_consistency(label, *outputs):
    pairs = list(combinations(outputs, 2))
    return sum(kl(a, b) + kl(b, a) for a, b in pairs) / (2 * len(pairs))


def jensen_shannon_consistency(label, *outputs):
    mean = sum(outputs) / len(outputs)
    return sum(kl(output, mean) for output in outputs) / len(outputs)


def deep_supervision(label, *outputs, weights):
    """Squared errors against the label entry at the middle of each output entry."""
    values = np.zeros(len(label))
    for weight, output in zip(weights, outputs, strict=True):
        _, height, width, _ = output.shape
        rows = [int((i + 0.5) * label.shape[1] / height) for i in range(height)]
        columns = [int((j + 0.5) * label.shape[2] / width) for j in range(width)]
        resized = label[:, rows][:, :, columns]
        values += weight * np.mean((resized - output) ** 2, axis=(1, 2, 3))
    return values


def gaussian_nll(label, mean, log_variance):
    """The density itself, without its constant factor."""
    density = np.exp(-((label - mean) ** 2) / (2 * np.exp(log_variance)))
    return -np.log(density / np.sqrt(np.exp(log_variance)))


def mixture_density_nll(label, logits, mean, log_variance):
    """The density of each component in turn."""
    shares = softmax(logits)
    values = []
    for i, y in enumerate(label):
        density = 0.0
        for k, share in enumerate(shares[i]):
            deviation = np.sqrt(np.exp(log_variance[i, k])) * np.ones_like(mean[i, k])
            powers = np.exp(-((y - mean[i, k]) ** 2) / (2 * deviation**2)) / deviation
            density += share * np.prod(powers)
        values.append(-np.log(density))
    return np.array(values)


def ordering(label, *outputs, margin=0.0):
    pairs = list(pairwise(outputs))
    return sum(np.maximum(0, low - high + margin) for low, high in pairs) / len(pairs)


def non_crossing_quantile(label, *outputs, quantiles, crossing_weight, margin):
    value = crossing_weight * ordering(label, *outputs, margin=margin)
    for tau, output in zip(quantiles, outputs, strict=True):
        above = np.where(label > output, tau, 1 - tau)
        value = value + above * np.abs(label - output) / len(quantiles)
    return value


def coverage(label, attention):
    values = np.zeros(attention.shape[:2])
    for sample, steps in enumerate(attention):
        covered = np.zeros(steps.shape[-1])
        for step, weights in enumerate(steps):
            values[sample, step] = np.minimum(weights, covered).sum()
            covered += weights
    return values
