"""Cases of the losses of numbers: densities, quantiles, orders, attention."""

from functools import partial

import numpy as np

from keras_multiloss import losses
from tests.losses import references
from tests.losses.case import Case, logits, probabilities

COLUMN = np.array([[1.0], [-1.0], [0.5], [2.0]])
ZEROS = np.zeros((4, 1))
FAR = 1e4 * COLUMN
QUANTILES = {"quantiles": [0.1, 0.5, 0.9], "crossing_weight": 2.0, "margin": 0.1}


def columns(n):
    return tuple(logits(4, 1) for _ in range(n))


CASES = [
    Case(
        "gaussian_nll",
        losses.GaussianNLL(),
        references.gaussian_nll,
        columns(2),
        (FAR, np.array([[1e4], [-1e4], [50.0], [0.0]])),
        COLUMN,
    ),
    Case(
        "mixture_of_numbers",
        losses.MixtureDensityNLL(),
        references.mixture_density_nll,
        (logits(4, 3), logits(4, 3), logits(4, 3)),
        (1e4 * logits(4, 3), 1e4 * logits(4, 3), 1e4 * logits(4, 3)),
        COLUMN[:, 0],
    ),
    Case(
        "mixture_of_vectors",
        losses.MixtureDensityNLL(min_log_variance=-5.0),
        references.mixture_density_nll,
        (logits(4, 3), logits(4, 3, 2), logits(4, 3, 1)),
        (1e4 * logits(4, 3), 1e4 * logits(4, 3, 2), 1e4 * logits(4, 3, 1)),
        logits(4, 2),
    ),
    Case(
        "ordering",
        losses.OrderingLoss(margin=0.2),
        partial(references.ordering, margin=0.2),
        columns(3),
        (FAR, -FAR, ZEROS),
    ),
    Case(
        "non_crossing_quantile",
        losses.NonCrossingQuantileLoss(**QUANTILES),
        partial(references.non_crossing_quantile, **QUANTILES),
        columns(3),
        (FAR, -FAR, ZEROS),
        COLUMN,
    ),
    Case(
        "coverage",
        losses.CoverageLoss(),
        references.coverage,
        (probabilities(4, 3, 5),),
        (np.eye(3)[[[0, 0, 1], [2, 1, 2], [0, 1, 2], [2, 2, 2]]],),
    ),
    Case(
        "distillation_with_a_label",
        losses.DistillationLoss(label_share=0.3),
        partial(references.distillation, temperature=2.0, label_share=0.3),
        (logits(4, 5), logits(4, 5)),
        (1e4 * logits(4, 5), 1e4 * logits(4, 5)),
        np.array([0, 4, 2, 2]),
        frozen=(1,),
        needs_labels=False,
    ),
]
