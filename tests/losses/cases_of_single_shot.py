"""Cases of the losses of detectors that find all objects in one pass: SSD and YOLO."""

import numpy as np

from keras_multiloss.losses._multi_box import MultiBoxLoss
from keras_multiloss.losses._yolo import YoloLoss
from tests.losses.case import Case, total
from tests.losses.cases_of_detection import CLASSES
from tests.losses.references_of_detection import multi_box, yolo

RNG = np.random.default_rng(23)
MULTI_BOX = {"negatives_per_positive": 1.5, "box_weight": 0.5, "beta": 0.7}
LOGITS, EXTREME_LOGITS = RNG.normal(size=(2, 4, 5, 4))
OFFSETS, PREDICTED, EXTREME = RNG.normal(size=(3, 4, 5, 4))
#: A grid of 2 by 3 places: objects, none, and places that do not count; an image without objects.
NUMBERS = RNG.integers(-2, 3, size=(4, 2, 3))
NUMBERS[1] = -1
GRID_BOXES, GRID_TARGETS = RNG.uniform(0.1, 1.0, size=(2, 4, 2, 3, 4))
OBJECTNESS, GRID_CLASSES = RNG.normal(size=(4, 2, 3, 1)), RNG.normal(size=(4, 2, 3, 3))
YOLO = {"box_weight": 2.0, "no_object_weight": 0.25}

CASES = [
    Case(
        "multi_box",
        MultiBoxLoss(**MULTI_BOX),
        lambda label, *outputs: total(multi_box(label, *outputs, **MULTI_BOX)),
        (LOGITS, PREDICTED),
        (1e4 * np.sign(EXTREME_LOGITS), 1e4 * np.sign(EXTREME)),
        (CLASSES, OFFSETS),
    ),
    *(
        Case(
            f"yolo_by_{class_loss}",
            YoloLoss(class_loss=class_loss, **YOLO),
            lambda label, *outputs, logits=is_logit: total(
                yolo(label, *outputs, logits=logits, **YOLO)
            ),
            (GRID_BOXES, OBJECTNESS, GRID_CLASSES),
            tuple(1e4 * (x - 0.5) for x in (GRID_BOXES, OBJECTNESS, GRID_CLASSES)),
            (GRID_TARGETS, NUMBERS),
        )
        for class_loss, is_logit in [("squared_error", False), ("sigmoid_crossentropy", True)]
    ),
]
