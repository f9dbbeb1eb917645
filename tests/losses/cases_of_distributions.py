"""Cases of the losses of outputs that are distributions, or agree."""

import numpy as np

from keras_multiloss import losses
from tests.losses import references
from tests.losses.case import Case, chances, logits, of_sigmoid, of_softmax, probabilities

ONE_HOT = np.eye(5)[[0, 4, 2, 2]]
FAR_LOGITS = (1e4 * ONE_HOT, -1e4 * ONE_HOT[::-1], np.zeros((4, 5)))
CERTAIN = (ONE_HOT, ONE_HOT[::-1].copy(), ONE_HOT[[1, 0, 2, 3]])
SUMS = np.array([0, 12, 5, 7], "int32")
EVENTS = np.array([[0.0], [1.0], [1.0], [0.0]])
PYRAMID = (logits(4, 4, 6, 1), logits(4, 2, 3, 1), logits(4, 3, 4, 1))

CASES = [
    Case(
        "categorical_sum_of_logits",
        losses.CategoricalSumNLL(from_logits=True),
        of_softmax(references.categorical_sum_nll),
        tuple(logits(4, 5) for _ in range(3)),
        FAR_LOGITS,
        SUMS,
    ),
    Case(
        "categorical_sum_of_probabilities",
        losses.CategoricalSumNLL(),
        references.categorical_sum_nll,
        (probabilities(4, 5), probabilities(4, 9)),
        CERTAIN,
        SUMS,
    ),
    Case(
        "kl_divergence_to_normal",
        losses.KLDivergenceToNormal(),
        references.kl_divergence_to_normal,
        (logits(4, 5), logits(4, 5)),
        (1e4 * ONE_HOT, -1e4 * ONE_HOT),
    ),
    Case(
        "product_of_logits",
        losses.ProductBinaryCrossentropy(from_logits=True),
        of_sigmoid(references.product_binary_crossentropy),
        tuple(logits(4, 1) for _ in range(3)),
        (np.full((4, 1), 1e4), np.full((4, 1), 1e4), np.array([[1e4], [-1e4], [0], [1e4]])),
        EVENTS,
    ),
    Case(
        "product_of_probabilities",
        losses.ProductBinaryCrossentropy(),
        references.product_binary_crossentropy,
        (chances(4, 1), chances(4, 1)),
        (np.ones((4, 1)), np.array([[1.0], [0.0], [1.0], [0.0]])),
        EVENTS,
    ),
    Case(
        "distillation",
        losses.DistillationLoss(temperature=3.0),
        lambda label, *outputs: references.distillation(label, *outputs, temperature=3.0),
        (logits(4, 5), logits(4, 5)),
        FAR_LOGITS[:2],
        frozen=(1,),
    ),
    Case(
        "consistency_mse",
        losses.ConsistencyLoss("mse"),
        references.mse_consistency,
        tuple(logits(4, 5) for _ in range(3)),
        FAR_LOGITS,
    ),
    Case(
        "consistency_cosine",
        losses.ConsistencyLoss("cosine"),
        references.cosine_consistency,
        tuple(logits(4, 5) for _ in range(3)),
        FAR_LOGITS,
    ),
    Case(
        "consistency_kl_of_probabilities",
        losses.ConsistencyLoss("kl"),
        references.kl_consistency,
        tuple(probabilities(4, 5) for _ in range(3)),
        CERTAIN,
    ),
    Case(
        "consistency_kl_of_logits",
        losses.ConsistencyLoss("kl", from_logits=True),
        of_softmax(references.kl_consistency),
        tuple(logits(4, 5) for _ in range(2)),
        FAR_LOGITS,
    ),
    Case(
        "consistency_jensen_shannon",
        losses.ConsistencyLoss("jensen_shannon", from_logits=True),
        of_softmax(references.jensen_shannon_consistency),
        tuple(logits(4, 5) for _ in range(3)),
        FAR_LOGITS,
    ),
    Case(
        "deep_supervision",
        losses.DeepSupervisionLoss("mean_squared_error", weights=[0.5, 0.3, 0.2]),
        lambda label, *outputs: references.deep_supervision(
            label, *outputs, weights=[0.5, 0.3, 0.2]
        ),
        PYRAMID,
        tuple(1e4 * output for output in PYRAMID),
        logits(4, 4, 6, 1),
    ),
]
