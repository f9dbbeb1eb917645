"""Cases of the losses of a student and a teacher."""

from functools import partial

import numpy as np

from keras_multiloss import losses
from tests.losses import references
from tests.losses.case import Case, logits

FAR = np.array([[1e4], [-1e4], [0.0], [1e4]])

CASES = [
    Case(
        "distillation_of_sequences",
        losses.DistillationLoss(label_share=0.3, label_smoothing=0.1),
        partial(references.distillation, temperature=2.0, label_share=0.3, label_smoothing=0.1),
        (logits(4, 3, 5), logits(4, 3, 5)),
        (1e4 * logits(4, 3, 5), 1e4 * logits(4, 3, 5)),
        np.array([[0, 4, 2], [1, 1, 0], [3, 2, 4], [0, 0, 1]]),
        frozen=(1,),
        needs_labels=False,
    ),
    *(
        Case(
            f"feature_distillation_by_{distance}",
            losses.FeatureDistillationLoss(distance),
            partial(references.feature_distillation, distance=distance),
            (logits(4, 3, 2), logits(4, 3, 2)),
            (1e4 * logits(4, 3, 2), np.zeros((4, 3, 2))),
            frozen=(1,),
        )
        for distance in ("mse", "cosine", "attention")
    ),
    Case(
        "regression_distillation",
        losses.RegressionDistillationLoss(),
        references.regression_distillation,
        (logits(4, 2), logits(4, 2)),
        (FAR * np.ones((1, 2)), -FAR * np.ones((1, 2))),
        frozen=(1,),
    ),
    Case(
        "regression_distillation_with_a_label",
        losses.RegressionDistillationLoss(label_share=0.3),
        partial(references.regression_distillation, label_share=0.3),
        (logits(4, 1), logits(4, 1)),
        (FAR, -FAR),
        logits(4, 1),
        frozen=(1,),
        needs_labels=False,
    ),
    Case(
        "regression_distillation_bounded_by_the_teacher",
        losses.RegressionDistillationLoss(label_share=0.3, bounded_by_teacher=True, margin=0.2),
        partial(references.regression_distillation, label_share=0.3, margin=0.2),
        (logits(4, 3), logits(4, 3)),
        (FAR * np.ones((1, 3)), -FAR * np.ones((1, 3))),
        logits(4, 3),
        frozen=(1,),
    ),
]
