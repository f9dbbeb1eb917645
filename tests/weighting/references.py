"""The rules written slowly in NumPy, in float64: one object a run, told the losses step by step.

`step(losses, starts_epoch)` gives the weights and the penalty of a training step. Random rules
are told what was drawn.
"""

import numpy as np


def softmax(x):
    powers = np.exp(x - np.max(x))
    return powers / powers.sum()


class Static:
    def step(self, losses, starts_epoch=False):
        return np.ones(len(losses)), 0.0


class GeometricMean:
    def step(self, losses, starts_epoch=False):
        mean = np.prod(losses) ** (1 / len(losses))
        return np.array([mean / (len(losses) * loss) for loss in losses]), 0.0


class DynamicAverage:
    """Keeps the losses of all epochs."""

    def __init__(self, temperature):
        self.temperature = temperature
        self.epochs = []

    def step(self, losses, starts_epoch=False):
        if starts_epoch:
            self.epochs.append([])
        self.epochs[-1].append(losses)
        if len(self.epochs) < 3:
            return np.ones(len(losses)), 0.0
        before_last, last = (np.mean(epoch, axis=0) for epoch in self.epochs[-3:-1])
        return len(losses) * softmax(last / before_last / self.temperature), 0.0


class SmoothTchebycheff:
    def __init__(self, mu, preferences):
        self.mu, self.preferences = mu, np.array(preferences)
        self.best = None

    def step(self, losses, starts_epoch=False):
        self.best = losses if self.best is None else np.minimum(self.best, losses)
        powers = np.exp(self.preferences * (losses - self.best) / self.mu)
        weights = self.preferences * powers / powers.sum()
        return weights, self.mu * np.log(powers.sum()) - weights @ losses


class Famo:
    """With Adam as its paper has it, the decay added to the gradient."""

    def __init__(self, n_terms, learning_rate, weight_decay):
        self.logit = np.zeros(n_terms)
        self.mean, self.square, self.n_moves = np.zeros(n_terms), np.zeros(n_terms), 0
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self.last = None

    def step(self, losses, starts_epoch=False):
        if self.last is not None:
            self._move(np.log(self.last) - np.log(losses))
        self.last = losses
        z = softmax(self.logit)
        scale = 1 / np.sum(z / losses)
        weights = scale * z / losses
        return weights, scale * np.sum(z * np.log(losses)) - weights @ losses

    def _move(self, fall):
        z = softmax(self.logit)
        jacobian = np.diag(z) - np.outer(z, z)
        gradient = jacobian.T @ fall + self.weight_decay * self.logit
        self.n_moves += 1
        self.mean = 0.9 * self.mean + 0.1 * gradient
        self.square = 0.999 * self.square + 0.001 * gradient**2
        mean = self.mean / (1 - 0.9**self.n_moves)
        square = self.square / (1 - 0.999**self.n_moves)
        self.logit = self.logit - self.learning_rate * mean / (np.sqrt(square) + 1e-8)


class SoftAdapt:
    def __init__(self, temperature, *, normalized, loss_weighted):
        self.temperature = temperature
        self.normalized, self.loss_weighted = normalized, loss_weighted
        self.last = None

    def step(self, losses, starts_epoch=False):
        slopes = np.zeros(len(losses)) if self.last is None else losses - self.last
        self.last = losses
        if self.normalized:
            slopes = slopes / max(np.abs(slopes).sum(), 1e-8)
        weights = softmax(slopes / self.temperature)
        if self.loss_weighted:
            weights = weights * losses / np.sum(weights * losses)
        return weights, 0.0


class Relobralo:
    def __init__(self, temperature, alpha, looks_back):
        self.temperature, self.alpha = temperature, alpha
        self.looks_back = iter(looks_back)
        self.weights = None

    def step(self, losses, starts_epoch=False):
        looks_back = next(self.looks_back)
        if self.weights is None:
            self.weights, self.first = np.ones(len(losses)), losses
        else:
            history = self._balance(losses, self.first) if looks_back else self.weights
            latest = self._balance(losses, self.last)
            self.weights = self.alpha * history + (1 - self.alpha) * latest
        self.last = losses
        return self.weights, 0.0

    def _balance(self, losses, earlier):
        return len(losses) * softmax(losses / (self.temperature * earlier))


class ResidualNorm:
    """GradNorm (Chen et al., ICML 2018, equation 2) of losses instead of lengths of gradients."""

    def __init__(self, n_terms, alpha, learning_rate):
        self.weights = np.ones(n_terms)
        self.alpha, self.learning_rate = alpha, learning_rate
        self.first = None

    def step(self, losses, starts_epoch=False):
        self.first = losses if self.first is None else self.first
        now, mean = self.weights, np.mean(self.weights * losses)
        rates = losses / self.first / np.mean(losses / self.first)
        moved = []
        for weight, loss, rate in zip(now, losses, rates, strict=True):
            side = 1 if weight * loss > mean * rate**self.alpha else -1
            moved.append(weight * np.exp(-self.learning_rate * side * weight * loss / mean))
        self.weights = len(losses) * np.array(moved) / np.sum(moved)
        return now, 0.0


class OfLogarithms:
    """Another reference, told the logarithms."""

    def __init__(self, inner):
        self.inner = inner

    def step(self, losses, starts_epoch=False):
        weights, penalty = self.inner.step(np.log(losses), starts_epoch)
        weights_of_losses = weights / losses
        return weights_of_losses, penalty + weights @ np.log(losses) - weights_of_losses @ losses
