"""Cases of the losses of detectors that find all objects in one pass: SSD and YOLO."""

import numpy as np

from keras_multiloss.losses._multi_box import MultiBoxLoss
from tests.losses.case import Case, total
from tests.losses.cases_of_detection import CLASSES
from tests.losses.references_of_detection import multi_box

RNG = np.random.default_rng(23)
MULTI_BOX = {"negatives_per_positive": 1.5, "box_weight": 0.5, "beta": 0.7}
LOGITS, EXTREME_LOGITS = RNG.normal(size=(2, 4, 5, 4))
OFFSETS, PREDICTED, EXTREME = RNG.normal(size=(3, 4, 5, 4))

CASES = [
    Case(
        "multi_box",
        MultiBoxLoss(**MULTI_BOX),
        lambda label, *outputs: total(multi_box(label, *outputs, **MULTI_BOX)),
        (LOGITS, PREDICTED),
        (1e4 * np.sign(EXTREME_LOGITS), 1e4 * np.sign(EXTREME)),
        (CLASSES, OFFSETS),
    ),
]
