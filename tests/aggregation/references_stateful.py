"""The rules with state in float64, from the gradients themselves and one task after another.

Each takes the gradients of all steps, `(steps, T, n)`, and gives the result of each step.
"""

import numpy as np
from scipy.optimize import brentq, nnls


def grad_vac(jacobians, orders, beta):
    """Wang et al., ICLR 2021, Algorithm 1, with the order of the others given."""
    n_tasks = jacobians.shape[1]
    targets = np.zeros((n_tasks, n_tasks))
    results = []
    for gradients, order in zip(jacobians, orders, strict=True):
        total = np.zeros(gradients.shape[1])
        for i in range(n_tasks):
            altered = gradients[i].copy()
            for j in [j for j in order[i] if j != i]:
                length, other = np.linalg.norm(altered), np.linalg.norm(gradients[j])
                phi, target = altered @ gradients[j] / (length * other), targets[i, j]
                if phi < target:
                    turn = target * np.sqrt(1 - phi**2) - phi * np.sqrt(1 - target**2)
                    share = length * turn / (other * np.sqrt(1 - target**2))
                    altered = altered + share * gradients[j]
                targets[i, j] = (1 - beta) * target + beta * phi
            total += altered
        results.append(total)
    return np.array(results)


def grad_norm_objective(weights, lengths, rates, alpha, mean):
    """Chen et al., ICML 2018, equation 2, with a constant mean."""
    return np.abs(weights * lengths - mean * rates**alpha).sum()


def grad_norm(jacobians, losses, alpha, learning_rate):
    """The weights step along the gradient of the objective, in log w and in units of the mean."""
    n_tasks = jacobians.shape[1]
    weights, results = np.ones(n_tasks), []
    for gradients, now in zip(jacobians, losses, strict=True):
        results.append(weights @ gradients)
        lengths = np.linalg.norm(gradients, axis=1)
        rates = now / losses[0] / np.mean(now / losses[0])
        mean = np.mean(weights * lengths)
        slopes = np.zeros(n_tasks)
        for i in range(n_tasks):
            side = 1 if weights[i] * lengths[i] > mean * rates[i] ** alpha else -1
            slopes[i] = side * lengths[i] * weights[i] / mean
        weights = weights * np.exp(-learning_rate * slopes)
        weights = n_tasks * weights / weights.sum()
    return np.array(results)


def onto_simplex(x):
    """The point of the simplex nearest to another one: its level by bisection."""
    level = brentq(lambda t: np.maximum(x - t, 0).sum() - 1, x.min() - 1, x.max(), xtol=1e-15)
    return np.maximum(x - level, 0)


def moco(jacobians, beta, gamma, rho):
    """Fernando et al., ICLR 2023, with the Gramian in units of its mean diagonal."""
    n_tasks = jacobians.shape[1]
    averages, weights, results = np.zeros(jacobians.shape[1:]), np.ones(n_tasks) / n_tasks, []
    for gradients in jacobians:
        averages = averages - beta * (averages - gradients)
        gramian = averages @ averages.T
        matrix = gramian / np.trace(gramian) * n_tasks + rho * np.eye(n_tasks)
        weights = onto_simplex(weights - gamma * matrix @ weights)
        results.append(weights @ averages)
    return np.array(results)


def excess_mtl(jacobians, learning_rate):
    """He et al., ICML 2024, equations 7 and 9."""
    n_tasks = jacobians.shape[1]
    sums, weights, first, results = np.zeros(jacobians.shape[1:]), np.ones(n_tasks), None, []
    for gradients in jacobians:
        sums = sums + gradients**2
        excess = (gradients**2 / np.sqrt(sums)).sum(axis=1)
        first = excess if first is None else first
        weights = weights * np.exp(learning_rate * excess / first)
        weights = weights / weights.sum()
        results.append(weights @ gradients)
    return np.array(results)


def db_mtl(jacobians, losses, beta, decay):
    """Lin et al., 2023, Algorithm 1."""
    averages, results = np.zeros(jacobians.shape[1:]), []
    for k, (gradients, now) in enumerate(zip(jacobians, losses, strict=True), start=1):
        share = beta / k**decay
        averages = share * averages + (1 - share) * gradients / now[:, None]
        lengths = np.linalg.norm(averages, axis=1)
        results.append(sum(lengths.max() / n * g for n, g in zip(lengths, averages, strict=True)))
    return np.array(results)


def pcd(jacobians, tau, beta):
    """Varam et al., TMLR 2026: the nearest point of a polyhedron, by Lawson and Hanson's LDP."""
    squares, results = np.zeros(jacobians.shape[1]), []
    for k, gradients in enumerate(jacobians, start=1):
        squares = beta * squares + (1 - beta) * (gradients**2).sum(axis=1)
        units = gradients / np.sqrt(squares / (1 - beta**k))[:, None]
        due = tau * (units[1:] ** 2).sum(axis=1) - units[1:] @ units[0]
        direction = units[0] + least_distance(units[1:], due)
        scale = np.linalg.norm(gradients[0]) / np.linalg.norm(direction)
        results.append(scale * direction)
    return np.array(results)


def least_distance(matrix, bounds):
    """The shortest x with matrix @ x >= bounds (Lawson and Hanson, 1974, chapter 23)."""
    stacked = np.vstack([matrix.T, bounds])
    last = np.append(np.zeros(matrix.shape[1]), 1.0)
    residual = stacked @ nnls(stacked, last)[0] - last
    return -residual[:-1] / residual[-1]


def share_of_gradient(jacobians, shares, total_norm, beta):
    """Défossez et al., TMLR 2023. It equals the balancer of facebookresearch/encodec to 1e-11."""
    sums, mass, results = np.zeros(jacobians.shape[1]), 0.0, []
    for gradients in jacobians:
        sums = beta * sums + np.linalg.norm(gradients, axis=1)
        mass = beta * mass + 1
        usual = sums / mass
        total = usual.sum() if total_norm is None else total_norm
        parts = [
            total * share / np.sum(shares) * g / n
            for share, g, n in zip(shares, gradients, usual, strict=True)
        ]
        results.append(np.sum(parts, axis=0))
    return np.array(results)


def learning_rate_annealing(jacobians, losses, alpha, statistic, reference=0):
    """Wang et al., SIAM J. Sci. Comput. 2021, Algorithm 1, and 2023, Algorithm 1."""
    weights, results = np.ones(jacobians.shape[1]), []
    for gradients, now in zip(jacobians, losses, strict=True):
        for i, g in enumerate(gradients):
            if statistic.startswith("max"):
                mean = np.abs(weights[i] * g if "weighted" in statistic else g).mean()
                target = np.abs(gradients[reference]).max() / mean
                target = 1.0 if i == reference else target
            else:
                roots = np.sqrt(now) if statistic == "root_norm" else np.ones(len(now))
                target = np.sum(np.linalg.norm(gradients, axis=1) / (2 * roots))
                target /= np.linalg.norm(g) / (2 * roots[i])
            weights[i] = (1 - alpha) * weights[i] + alpha * target
        results.append(weights @ gradients)
    return np.array(results)


def running_average(weights, beta):
    """Zhou et al., NeurIPS 2022: the average starts with the first weights."""
    average, results = weights[0], []
    for found in weights:
        average = beta * average + (1 - beta) * found
        results.append(average)
    return np.array(results)
