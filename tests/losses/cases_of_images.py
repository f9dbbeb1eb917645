"""Cases of the losses of images: segmentations, and images themselves."""

import numpy as np

from keras_multiloss import losses
from tests.losses import references_of_images as references
from tests.losses.case import RNG, Case, chances, logits, of_softmax, probabilities

#: Class numbers of places, 3 classes; 255 is none of them.
NUMBERS = RNG.integers(0, 3, (4, 2, 3)).astype("int32")
VOIDS = np.where(RNG.uniform(size=NUMBERS.shape) < 0.2, 255, NUMBERS).astype("int32")
REGIONS = RNG.integers(0, 2, (4, 3, 2, 1)).astype("float32")
WITHOUT_FIRST = {"classes": [1, 2], "smoothing": 0.1}

CASES = [
    Case(
        "jaccard_of_one_hot",
        losses.JaccardLoss(),
        references.jaccard,
        (probabilities(4, 2, 3, 3),),
        (np.eye(3)[(NUMBERS + 1) % 3],),
        np.eye(3)[NUMBERS],
    ),
    Case(
        "jaccard_of_class_numbers",
        losses.JaccardLoss(from_logits=True, **WITHOUT_FIRST),
        of_softmax(lambda label, p: references.jaccard(label, p, **WITHOUT_FIRST)),
        (logits(4, 2, 3, 3),),
        (1e4 * logits(4, 2, 3, 3),),
        VOIDS,
    ),
    Case(
        "jaccard_of_one_region",
        losses.JaccardLoss(),
        references.jaccard,
        (chances(4, 3, 2, 1),),
        (1.0 - REGIONS,),
        REGIONS,
    ),
    Case(
        "ssim",
        losses.SSIMLoss(window_size=3, max_value=2.0),
        lambda label, output: references.ssim(label, output, max_value=2.0, window_size=3),
        (chances(4, 4, 5, 2),),
        (np.round(1e4 * logits(4, 4, 5, 2)),),
        chances(4, 4, 5, 2),
    ),
]
