"""Cases of the losses of class distributions that need no label."""

import numpy as np

from keras_multiloss import losses
from tests.losses import references_of_unlabelled as references
from tests.losses.case import Case, logits, of_softmax, probabilities

ONE_HOT = np.eye(5)[[0, 4, 2, 2]]
FAR_LOGITS = (1e4 * ONE_HOT, -1e4 * ONE_HOT[::-1], np.zeros((4, 5)))
CERTAIN = (ONE_HOT, ONE_HOT[::-1].copy(), ONE_HOT[[1, 0, 2, 3]])


def pseudo_label(**arguments):
    return lambda label, *outputs: references.pseudo_label(label, *outputs, **arguments)


CASES = [
    Case(
        "entropy_of_probabilities",
        losses.EntropyPenalty(),
        references.entropy,
        (probabilities(4, 5),),
        CERTAIN[:1],
    ),
    Case(
        "entropy_of_logits",
        losses.EntropyPenalty(from_logits=True),
        of_softmax(references.entropy),
        (logits(4, 3, 5),),
        FAR_LOGITS[:1],
    ),
    Case(
        "pseudo_label_of_probabilities",
        losses.PseudoLabelLoss(threshold=0.4),
        pseudo_label(threshold=0.4),
        (probabilities(4, 5), probabilities(4, 5)),
        CERTAIN[:2],
        frozen=(1,),
    ),
    Case(
        "pseudo_label_of_logits",
        losses.PseudoLabelLoss(threshold=0.4, from_logits=True),
        of_softmax(pseudo_label(threshold=0.4)),
        (logits(4, 5), logits(4, 5)),
        FAR_LOGITS[:2],
        frozen=(1,),
    ),
    Case(
        "pseudo_label_by_labelled_samples",
        losses.PseudoLabelLoss(threshold=0.9, align_distribution=True, from_logits=True),
        of_softmax(pseudo_label(threshold=0.9, align_distribution=True)),
        tuple(logits(4, 5) for _ in range(3)),
        FAR_LOGITS,
        frozen=(1, 2),
        is_coupled=True,
    ),
]
