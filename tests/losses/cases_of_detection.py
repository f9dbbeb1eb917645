"""Cases of the loss of classes and boxes."""

import numpy as np

from keras_multiloss.losses._detection import DetectionLoss
from tests.losses.case import RNG, Case, logits
from tests.losses.references_of_detection import detection


def corners(*shape):
    """Boxes that have an area, some of which overlap."""
    low = RNG.uniform(0, 1, size=(*shape, 2))
    return np.concatenate([low, low + RNG.uniform(0.5, 1.5, size=(*shape, 2))], axis=-1)


#: Objects, background and ignored anchors; an image without objects, one without background.
CLASSES = np.array([[0, -1, 2, -2, -1], [-1, -1, -2, -1, -1], [2, 1, 0, 0, 1], [-2, 1, -2, -1, -1]])
BOXES = corners(4, 5)
FAR = (
    1e4 * np.sign(logits(4, 5, 3)),
    np.concatenate([np.full((2, 5, 4), 1e4), -1e4 * corners(2, 5)]),
)

CASES = [
    Case(
        f"detection_by_{box_loss}",
        DetectionLoss(box_loss=box_loss, box_weight=0.5),
        lambda label, *outputs, box_loss=box_loss: detection(
            label, *outputs, box_loss=box_loss, box_weight=0.5
        ),
        (logits(4, 5, 3), corners(4, 5)),
        FAR,
        (CLASSES, BOXES),
    )
    for box_loss in ("smooth_l1", "giou", "diou")
]
